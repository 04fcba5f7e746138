/* The media plane in C, with the names of the pure one: parse (rtp.py), Packet (history.py), RateMeter and Intake
   (intake.py), Cursor, Flight, Wire, Sender and fan_out (the files of their names, and sender.py), Door and drain
   (../door.py, ../udp_mux.py). What is behind each name is said there.

   Rule 1: what these say is what this does, byte for byte and error for error: tests/relay/test_planes.py and
   test_doors.py hold the two side by side. Only a Sender that was aimed goes further: it encrypts and sends.
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

enum {
    KEPT = 4096, /* a power of two */
    BASE_WINDOW_S = 20,
    PACKET_OVERHEAD = 50,
    BUFFER_BYTES = 2048,
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
    int seconds; /* in use of the two below */
    long long second[BASE_WINDOW_S + 1];
    double least[BASE_WINDOW_S + 1];
    uint32_t arrivals; /* since the start; the last KEPT are there */
    Sent sent[KEPT];
    Arrival arrived[KEPT];
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
    int four, six;
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

extern PyTypeObject CursorType, DoorType, FlightType, HeaderType, IntakeType, PacketType, RateMeterType, SenderType,
    Vp8Type, WireType;

/* Note a packet going out; returns its number. */
long long flight_note(Flight *self, size_t size, double now);

/* Take in a feedback message; returns NULL, or what is wrong with it. */
const char *flight_hear(Flight *self, const unsigned char *body, Py_ssize_t size);

/* Count bytes that came. */
void rate_count(RateMeter *self, long long size, double now);

/* Read a payload descriptor; returns NULL where there is none, or with `wrong` set and an error. */
Vp8 *new_vp8(const unsigned char *payload, Py_ssize_t size, int *wrong);

/* Number, write and send one packet; returns -1 with an error of the caller's own. */
int sender_emit(Sender *self, const Outgoing *out, double now);

/* Counts calls into Python from what takes datagrams: where it stands still, nothing was scheduled. */
extern unsigned long long python_calls;

/* Take one datagram through a Door, decrypted where it is; returns -1 with an error to go no further on. */
int door_take_datagram(PyObject *door, unsigned char *data, size_t size);

/* Send a packet to all whom it may go straight to; places that need a look go into `left`, a list that is made
   for the first; returns -1 with an error. */
int fan_out_packet(PyObject *exits, long long source, const Packet *packet, double now, PyObject **left);

PyObject *parse(PyObject *module, PyObject *data);
PyObject *fan_out(PyObject *module, PyObject *const *args, Py_ssize_t count);
PyObject *drain(PyObject *module, PyObject *args);

static inline unsigned two_bytes(const unsigned char *at)
{
    return (unsigned)at[0] << 8 | at[1];
}

#endif
