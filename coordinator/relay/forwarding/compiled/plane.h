/* The media plane in C, with the names of the pure one: parse (rtp.py), Packet (history.py), RateMeter and Intake
   (intake.py), Recorder (twcc.py), FastPath, Cursor, Flight, Wire, Sender and fan_out (the files of their names, and
   sender.py), WayOut, Door, Doors and wait (../way_out.py, ../door.py, ../doors.py, ../media_loop.py). What is behind
   each name is said there.

   Rule 1: what these say is what this does, byte for byte and error for error: tests/relay/test_planes.py,
   test_doors.py and test_fast_path.py hold the two side by side.
   Rule 2: everything runs on the event loop's thread with the interpreter locked, so that one buffer serves all.
   Rule 3: sizes from outside are checked before anything is written; the buffer has room for SRTP's trailer. */

#ifndef PLANE_H
#define PLANE_H

#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <structmember.h>

#include <netinet/in.h>
#include <stdint.h>
#include <sys/socket.h>
#include <time.h>

enum {
    KEPT = 4096, /* a power of two */
    ARRIVALS_KEPT = 1024, /* a power of two */
    BASE_WINDOW_S = 20,
    FRAMES_KEPT = 8, /* a power of two */
    PACKET_OVERHEAD = 50,
    BUFFER_BYTES = 2048,
    MAX_PLAIN_BYTES = BUFFER_BYTES - 148,
    MAX_BURST = 16,
    NONE = -1
};

/* libsrtp's functions: a session, a packet that is changed where it is, and its size before and after. */
typedef int (*srtp_function)(void *session, void *packet, int *size);

#define TYPE_NAME(name) "coordinator.relay.forwarding._compiled." name

typedef struct {
    PyObject_HEAD
    long long ssrc, payload_type, source, first, shift, timestamp_shift, picture_shift, tl0_shift;
    long long sequence, timestamp, top, picture, tl0, packets, octets;
    double sent_at;
} Cursor;

typedef struct {
    double at;
    uint32_t number, size; /* the number's low bits; size 0 = told already, or never sent */
} Sent;

typedef struct {
    double at;
    uint32_t size;
} Arrival;

typedef struct {
    PyObject_HEAD
    long long number, sent_bytes;
    double queue_s, latest_queue_s, standing_s, base;
    long long told, came, lost, size; /* since the last outcome; so is the next */
    double standing;
    long long heard, rises;   /* packets of the message being read; messages that came later and later */
    double late, late_before; /* the least delay of that message, and of the one before */
    char rising;
    int seconds; /* in use of the two below */
    long long second[BASE_WINDOW_S + 1];
    double least[BASE_WINDOW_S + 1];
    PyObject *alarm; /* NULL = nobody wants to know */
    uint32_t arrivals; /* since the start; the last ARRIVALS_KEPT are there */
    Sent sent[KEPT];
    Arrival arrived[ARRIVALS_KEPT];
} Flight;

typedef struct {
    PyObject_HEAD
    char keyframe, starts, picture_long;
    long long picture_at, picture_id, tl0_at, tl0;
} Vp8;

typedef struct {
    PyObject_HEAD
    long long seq, timestamp;
    char marker, keyframe, starts;
    PyObject *payload;
    Vp8 *vp8;
} Packet;

typedef struct {
    PyObject_HEAD
    double since, smooth;
    long long bytes;
    int smoothed;
} RateMeter;

typedef struct {
    PyObject_HEAD
    int vp8, opus;
    double clock_rate, jitter, transit, last_arrival;
    char timed;
    long long top, removed, received, levels, loud, loudness;
    PyObject *ring; /* of the history: a list, as long as a power of two */
    RateMeter *rate;
    unsigned frames; /* complete so far; when the last ones were is below */
    double frame_times[FRAMES_KEPT];
} Intake;

/* The fields of an RTP packet, as offsets into it where they are places. */
typedef struct {
    char marker;
    long long payload_type, sequence, timestamp, ssrc, payload_at, payload_end, elements_at;
    unsigned profile; /* of the header extension, 0 = none */
} Fields;

/* One element of a header extension, and where the next one is. */
typedef struct {
    int two_bytes_each;
    unsigned id;
    const unsigned char *value, *next, *end;
    Py_ssize_t size;
} Element;

enum { SPAN = 2048 }; /* a power of two */

typedef struct {
    PyObject_HEAD
    long long newest, next, reported, lost; /* newest = -1 before the first */
    unsigned messages;
    int held;
    double due_at, told_at;
    double at[SPAN]; /* by the number's low bits, negative = none */
} Recorder;

typedef struct FastPath FastPath;

typedef struct {
    PyObject_HEAD
    int four, six;
    int four_cuts, six_cuts; /* whether the system cuts a burst into datagrams */
    long long sent, refused;
} Wire;

typedef struct {
    PyObject_HEAD
    PyObject *send_rtp;
    Flight *flight;
    unsigned char element; /* of the header extension, 0 = none is written */
    int counts;
    long long packets;
    Wire *wire; /* NULL while not aimed; then the rest means nothing */
    PyObject *owner;
    void *session;
    srtp_function protect;
    struct sockaddr_storage address;
    socklen_t address_size;
} Sender;

/* One packet to send; the VP8 numbers at these places (0 = none) are to be replaced. */
typedef struct {
    unsigned payload_type, marker;
    uint16_t sequence;
    uint32_t timestamp, ssrc;
    const unsigned char *payload;
    size_t size;
    size_t picture_at, tl0_at;
    int picture_long;
    unsigned picture, tl0;
} Outgoing;

/* A packet that came in, and when. */
typedef struct {
    Packet *packet;
    double now;
} Held;

/* A peer's checks of connectivity that change nothing: where they come from, and what they name and are signed with. */
typedef struct {
    Wire *wire; /* NULL = there are none; then the rest means nothing */
    PyObject *username, *password; /* bytes */
    struct sockaddr_storage address;
    socklen_t address_size;
} Checks;

extern PyTypeObject CursorType, DoorType, DoorsType, FastPathType, FlightType, HeaderType, IntakeType, PacketType,
    RateMeterType, RecorderType, SenderType, Vp8Type, WayOutType, WireType;

/* Note a packet going out; returns its number. */
long long flight_note(Flight *self, size_t size, double now);

/* Take in a feedback message; returns NULL, or what is wrong with it. */
const char *flight_hear(Flight *self, const unsigned char *body, Py_ssize_t size);

/* Count bytes that came. */
void rate_count(RateMeter *self, long long size, double now);

/* Read a header; returns what is wrong with the packet, or NULL. */
const char *read_fields(Fields *found, const unsigned char *data, Py_ssize_t size);

/* Walk through a header's extension: begin, and go on until 0. */
Element first_element(const Fields *fields, const unsigned char *data);
int next_element(Element *element);

/* Note when the packet of this 16-bit number came. */
void recorder_note(Recorder *self, unsigned sequence, double now);

/* The feedback on everything since the last time as a packet, empty when nothing came; sets when the next is due. */
PyObject *recorder_packet(Recorder *self, uint32_t ssrc, double now);

/* Whether a packet of this 16-bit number and size of payload is the next of the stream in its usual course. */
int intake_expects(const Intake *self, long long sequence, Py_ssize_t size);

/* Take that packet in; returns NULL with an error. */
Packet *intake_accept(Intake *self, PyObject *payload, long long timestamp, int marker, double now);

/* Note how loud a packet says it is. */
void intake_level(Intake *self, unsigned level);

/* Take one packet of media, in the clear, which may wait; returns 0 when it is not for this path, -1 with an error. */
int fast_path_hold(FastPath *self, const unsigned char *data, size_t size, double now);

/* Send what was held; returns -1 with an error. */
int fast_path_settle(FastPath *self);

/* Read a payload descriptor; returns NULL where there is none, or with `wrong` set and an error. */
Vp8 *new_vp8(const unsigned char *payload, Py_ssize_t size, int *wrong);

/* Send one datagram, or count it as refused. */
void wire_send(Wire *self, const unsigned char *data, size_t size, const struct sockaddr_storage *to, socklen_t to_size);

/* Send datagrams, all as long as the first but the last, which may be shorter. */
void wire_send_burst(Wire *self, struct iovec *datagrams, int count, struct sockaddr_storage *to, socklen_t to_size);

/* Number, write and send one packet; returns -1 with an error of the caller's own. */
int sender_emit(Sender *self, const Outgoing *out, double now);

/* The same for up to MAX_BURST packets, all as long as the first but the last, each at its time. */
int sender_emit_burst(Sender *self, const Outgoing *outs, const Held *burst, int count);

/* Counts calls into Python from what takes datagrams: where it stands still, nothing was scheduled. */
extern unsigned long long python_calls;

/* Take one datagram through a Door, decrypted where it is; media may wait. Returns -1 with an error to go no
   further on, as does what lets it go. */
int door_hold(PyObject *door, unsigned char *data, size_t size);
int door_settle(PyObject *door);

/* Answer such checks from now on, said as (wire, address, username, password); returns -1 with an error. */
int checks_aim(Checks *self, PyObject *args);

/* Answer none. */
void checks_release(Checks *self);

/* Answer a check of connectivity: returns 1, 0 where it is for others to look at, -1 with an error to go no further
   on. The second notes that the peer of a Door was heard. */
int checks_answer(const Checks *self, const unsigned char *data, size_t size, const struct sockaddr_storage *from);
int door_check(PyObject *door, const unsigned char *data, size_t size, const struct sockaddr_storage *from);

/* Take what came to a socket through Doors, so much and no more; returns -1 with an error to go no further on. */
int doors_drain(PyObject *doors, int descriptor);

/* Read (host, port) or (host, port, flow, scope); returns whether it is an address to send to. */
int read_address(PyObject *address, struct sockaddr_storage *found, socklen_t *size);

/* Whether two addresses are one, with all that the socket module gives. */
int same_address(const struct sockaddr_storage *one, const struct sockaddr_storage *other);

/* The address as the socket module would give it. */
PyObject *write_address(const struct sockaddr_storage *from);

/* Send packets to all whom they may go straight to; places that need a look go into `left`, a list that is made
   for the first. Several follow one another, none is a keyframe, and all are as long as the first but the last.
   Returns -1 with an error. */
int fan_out_held(PyObject *exits, long long source, const Held *burst, int count, PyObject **left);

PyObject *parse(PyObject *module, PyObject *data);
PyObject *fan_out(PyObject *module, PyObject *const *args, Py_ssize_t count);
PyObject *wait_for_events(PyObject *module, PyObject *const *args, Py_ssize_t count);

static inline double monotonic(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

static inline unsigned two_bytes(const unsigned char *at)
{
    return (unsigned)at[0] << 8 | at[1];
}

static inline unsigned char *put_two(unsigned char *at, unsigned value)
{
    at[0] = (unsigned char)(value >> 8);
    at[1] = (unsigned char)value;
    return at + 2;
}

static inline unsigned char *put_four(unsigned char *at, uint32_t value)
{
    return put_two(put_two(at, value >> 16), value & 0xFFFF);
}

static inline uint32_t four_bytes(const unsigned char *at)
{
    return (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | at[3];
}

#endif
