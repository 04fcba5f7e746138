/* The media plane in C: Cursor, Flight, Wire, Sender and fan_out, as in cursor.py, flight.py and sender.py, and
   Door and drain, as in ../door.py and ../udp_mux.py.

   Rule 1: what these say is what this does, byte for byte and error for error; tests/relay/test_planes.py holds
   the two side by side. Only a Sender that was aimed goes further: it encrypts in one buffer and sends by itself.
   Rule 2: everything runs on the event loop's thread with the interpreter locked, so that one buffer serves all.
   Rule 3: sizes from outside are checked before anything is written; the buffer has room for SRTP's trailer. */

#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <structmember.h>

#include <arpa/inet.h>
#include <math.h>
#include <netinet/in.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

enum {
    KEPT = 4096,            /* a power of two */
    BASE_WINDOW_S = 20,
    PACKET_OVERHEAD = 50,
    MAX_REPORTED = 2048,
    BUFFER_BYTES = 2048,
    MAX_PLAIN_BYTES = BUFFER_BYTES - 148,
    NONE = -1,
    BATCH = 32
};
static const double SMOOTHING = 0.1, NO_QUEUE_S = 10.0, TICK_S = 0.00025;

typedef int (*protect_function)(void *session, void *packet, int *size);

/* Cursor */

typedef struct {
    PyObject_HEAD
    long long ssrc, payload_type, source, first, shift, timestamp_shift, picture_shift, tl0_shift;
    long long sequence, timestamp, top, picture, tl0, packets, octets;
    double sent_at;
} Cursor;

static int cursor_init(Cursor *self, PyObject *args, PyObject *kwargs)
{
    static char *names[] = {"ssrc", "first_sequence", "payload_type", NULL};
    long long first_sequence;
    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "LLL", names, &self->ssrc, &first_sequence,
                                     &self->payload_type))
        return -1;
    self->source = NONE;
    self->sequence = first_sequence - 1;
    return 0;
}

#define NUMBER(name) {#name, T_LONGLONG, offsetof(Cursor, name), 0, NULL}
static PyMemberDef cursor_members[] = {
    NUMBER(ssrc), NUMBER(payload_type), NUMBER(source), NUMBER(first), NUMBER(shift), NUMBER(timestamp_shift),
    NUMBER(picture_shift), NUMBER(tl0_shift), NUMBER(sequence), NUMBER(timestamp), NUMBER(top), NUMBER(picture),
    NUMBER(tl0), NUMBER(packets), NUMBER(octets),
    {"sent_at", T_DOUBLE, offsetof(Cursor, sent_at), 0, NULL},
    {NULL, 0, 0, 0, NULL}};
#undef NUMBER

static PyTypeObject CursorType = {
    PyVarObject_HEAD_INIT(NULL, 0).tp_name = "coordinator.relay.forwarding._compiled.Cursor",
    .tp_basicsize = sizeof(Cursor),
    .tp_flags = Py_TPFLAGS_DEFAULT,
    .tp_doc = "See cursor.Cursor.",
    .tp_new = PyType_GenericNew,
    .tp_init = (initproc)cursor_init,
    .tp_members = cursor_members,
};

/* Flight */

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
    int seconds; /* in use of the two below */
    long long second[BASE_WINDOW_S + 1];
    double least[BASE_WINDOW_S + 1];
    uint32_t arrivals; /* since the start; the last KEPT are there */
    Sent sent[KEPT];
    Arrival arrived[KEPT];
} Flight;

static long long flight_note(Flight *self, size_t size, double now)
{
    long long number = ++self->number;
    Sent *slot = &self->sent[number & (KEPT - 1)];
    self->sent_bytes += (long long)size;
    slot->at = now;
    slot->number = (uint32_t)number;
    slot->size = (uint32_t)size;
    return number;
}

static void flight_delay(Flight *self, double delay, double arrival)
{
    long long second = (long long)floor(arrival);
    int last = self->seconds - 1;
    if (last < 0 || second > self->second[last]) {
        int gone = self->seconds > BASE_WINDOW_S;
        while (gone < self->seconds && self->second[gone] < second - BASE_WINDOW_S)
            gone++;
        self->seconds -= gone;
        memmove(self->second, self->second + gone, (size_t)self->seconds * sizeof self->second[0]);
        memmove(self->least, self->least + gone, (size_t)self->seconds * sizeof self->least[0]);
        self->second[self->seconds] = second;
        self->least[self->seconds++] = delay;
        self->base = delay;
        for (int i = 0; i < self->seconds; i++)
            if (self->least[i] < self->base)
                self->base = self->least[i];
    } else if (delay < self->least[last]) {
        self->least[last] = delay;
        if (delay < self->base)
            self->base = delay;
    }
    self->latest_queue_s = delay - self->base;
    self->queue_s += (self->latest_queue_s - self->queue_s) * SMOOTHING;
}

/* What one feedback message comes to. */
typedef struct {
    long long came, lost, size, newest;
    double standing;
} Outcome;

static void flight_report(Flight *self, Outcome *outcome, unsigned wire, int received, double arrival)
{
    long long ahead = (int16_t)(uint16_t)(wire - (unsigned)outcome->newest);
    long long number = outcome->newest + ahead;
    Sent *slot = &self->sent[number & (KEPT - 1)];
    uint32_t size = slot->size;
    if (!size || slot->number != (uint32_t)number)
        return;
    slot->size = 0;
    outcome->size += size;
    if (!received) {
        outcome->lost++;
        return;
    }
    outcome->came++;
    Arrival *note = &self->arrived[self->arrivals++ & (KEPT - 1)];
    note->at = arrival;
    note->size = size;
    flight_delay(self, arrival - slot->at, arrival);
    if (self->latest_queue_s < outcome->standing)
        outcome->standing = self->latest_queue_s;
}

static PyObject *flight_outcome(Flight *self, const Outcome *outcome)
{
    self->standing_s = outcome->came ? outcome->standing : 0.0;
    return Py_BuildValue("LLL", outcome->came, outcome->lost, outcome->size);
}

static PyObject *flight_sent(Flight *self, PyObject *const *args, Py_ssize_t count)
{
    if (count != 2) {
        PyErr_SetString(PyExc_TypeError, "sent(size, now)");
        return NULL;
    }
    long long size = PyLong_AsLongLong(args[0]);
    double now = PyFloat_AsDouble(args[1]);
    if (PyErr_Occurred())
        return NULL;
    if (size < 1 || size > 0x7FFFFFFF) {
        PyErr_SetString(PyExc_ValueError, "a packet has at least one byte");
        return NULL;
    }
    return PyLong_FromLongLong(flight_note(self, (size_t)size, now));
}

static PyObject *flight_take(Flight *self, PyObject *reports)
{
    Outcome outcome = {.newest = self->number, .standing = NO_QUEUE_S};
    PyObject *walk = PyObject_GetIter(reports), *report;
    if (!walk)
        return NULL;
    while ((report = PyIter_Next(walk))) {
        PyObject *arrival = NULL;
        long long wire;
        double at = 0.0;
        int read = PyTuple_Check(report) && PyArg_ParseTuple(report, "LO", &wire, &arrival);
        if (read && arrival != Py_None)
            at = PyFloat_AsDouble(arrival);
        if (!read && !PyErr_Occurred())
            PyErr_SetString(PyExc_TypeError, "reports are pairs of number and arrival");
        if (!PyErr_Occurred())
            flight_report(self, &outcome, (unsigned)wire, arrival != Py_None, at);
        Py_DECREF(report);
        if (PyErr_Occurred())
            break;
    }
    Py_DECREF(walk);
    return PyErr_Occurred() ? NULL : flight_outcome(self, &outcome);
}

static unsigned two_bytes(const unsigned char *at)
{
    return (unsigned)at[0] << 8 | at[1];
}

/* Write the status of each packet of a feedback message; returns where its deltas begin, or -1 = truncated. */
static Py_ssize_t read_statuses(const unsigned char *body, Py_ssize_t size, unsigned count,
                                unsigned char *statuses)
{
    Py_ssize_t at = 8;
    unsigned known = 0;
    while (known < count) {
        if (at + 2 > size)
            return -1;
        unsigned word = two_bytes(body + at);
        at += 2;
        if (!(word & 0x8000)) {
            for (unsigned run = word & 0x1FFF; run && known < count; run--)
                statuses[known++] = word >> 13 & 3;
        } else if (word & 0x4000) {
            for (int index = 0; index < 7 && known < count; index++)
                statuses[known++] = word >> (12 - 2 * index) & 3;
        } else {
            for (int index = 0; index < 14 && known < count; index++)
                statuses[known++] = word >> (13 - index) & 1;
        }
    }
    return at;
}

static const char *flight_read_body(Flight *self, const unsigned char *body, Py_ssize_t size, Outcome *outcome)
{
    static unsigned char statuses[MAX_REPORTED];
    static double arrivals[MAX_REPORTED];
    if (size < 8)
        return "transport feedback is truncated";
    unsigned base = two_bytes(body), count = two_bytes(body + 2);
    if (count > MAX_REPORTED)
        return "transport feedback on too many packets";
    Py_ssize_t at = read_statuses(body, size, count, statuses);
    if (at < 0)
        return "transport feedback is truncated";
    long long ticks = (long long)(body[4] << 16 | body[5] << 8 | body[6]) * 256;
    for (unsigned index = 0; index < count; index++) {
        int width = statuses[index] == 1 ? 1 : statuses[index] == 2 ? 2 : 0;
        if (at + width > size)
            return "transport feedback is truncated";
        if (width == 1)
            ticks += body[at];
        else if (width == 2)
            ticks += (int16_t)two_bytes(body + at);
        at += width;
        arrivals[index] = (double)ticks * TICK_S;
    }
    for (unsigned index = 0; index < count; index++)
        flight_report(self, outcome, base + index, statuses[index] == 1 || statuses[index] == 2, arrivals[index]);
    return NULL;
}

static PyObject *flight_read(Flight *self, PyObject *body)
{
    Outcome outcome = {.newest = self->number, .standing = NO_QUEUE_S};
    Py_buffer view;
    if (PyObject_GetBuffer(body, &view, PyBUF_SIMPLE) < 0)
        return NULL;
    const char *wrong = flight_read_body(self, view.buf, view.len, &outcome);
    PyBuffer_Release(&view);
    if (wrong) {
        PyErr_SetString(PyExc_ValueError, wrong);
        return NULL;
    }
    return flight_outcome(self, &outcome);
}

static PyObject *flight_arrived_bps(Flight *self, PyObject *within)
{
    double within_s = PyFloat_AsDouble(within);
    if (PyErr_Occurred())
        return NULL;
    if (!self->arrivals)
        return PyFloat_FromDouble(0.0);
    uint32_t kept = self->arrivals < KEPT ? self->arrivals : KEPT;
    double newest = self->arrived[(self->arrivals - 1) & (KEPT - 1)].at, oldest = newest;
    long long total = 0;
    for (uint32_t back = 1; back <= kept; back++) {
        const Arrival *note = &self->arrived[(self->arrivals - back) & (KEPT - 1)];
        if (newest - note->at > within_s)
            break;
        total += note->size;
        if (note->at < oldest)
            oldest = note->at;
    }
    double span = newest - oldest > 0.1 ? newest - oldest : 0.1;
    return PyFloat_FromDouble((double)(8 * total) / span);
}

static PyMemberDef flight_members[] = {
    {"number", T_LONGLONG, offsetof(Flight, number), 0, NULL},
    {"sent_bytes", T_LONGLONG, offsetof(Flight, sent_bytes), 0, NULL},
    {"queue_s", T_DOUBLE, offsetof(Flight, queue_s), 0, NULL},
    {"latest_queue_s", T_DOUBLE, offsetof(Flight, latest_queue_s), 0, NULL},
    {"standing_s", T_DOUBLE, offsetof(Flight, standing_s), 0, NULL},
    {NULL, 0, 0, 0, NULL}};

static PyMethodDef flight_methods[] = {
    {"sent", (PyCFunction)(void (*)(void))flight_sent, METH_FASTCALL, NULL},
    {"take", (PyCFunction)flight_take, METH_O, NULL},
    {"read", (PyCFunction)flight_read, METH_O, NULL},
    {"arrived_bps", (PyCFunction)flight_arrived_bps, METH_O, NULL},
    {NULL, NULL, 0, NULL}};

static PyTypeObject FlightType = {
    PyVarObject_HEAD_INIT(NULL, 0).tp_name = "coordinator.relay.forwarding._compiled.Flight",
    .tp_basicsize = sizeof(Flight),
    .tp_flags = Py_TPFLAGS_DEFAULT,
    .tp_doc = "See flight.Flight.",
    .tp_new = PyType_GenericNew,
    .tp_members = flight_members,
    .tp_methods = flight_methods,
};

/* Wire */

typedef struct {
    PyObject_HEAD
    int four, six;
    long long sent, refused;
} Wire;

static int wire_init(Wire *self, PyObject *args, PyObject *kwargs)
{
    if (!PyArg_ParseTuple(args, "") || (kwargs && PyDict_Size(kwargs)))
        return -1;
    self->four = self->six = -1;
    return 0;
}

static PyMemberDef wire_members[] = {
    {"four", T_INT, offsetof(Wire, four), 0, NULL},
    {"six", T_INT, offsetof(Wire, six), 0, NULL},
    {"sent", T_LONGLONG, offsetof(Wire, sent), 0, NULL},
    {"refused", T_LONGLONG, offsetof(Wire, refused), 0, NULL},
    {NULL, 0, 0, 0, NULL}};

static PyTypeObject WireType = {
    PyVarObject_HEAD_INIT(NULL, 0).tp_name = "coordinator.relay.forwarding._compiled.Wire",
    .tp_basicsize = sizeof(Wire),
    .tp_flags = Py_TPFLAGS_DEFAULT,
    .tp_doc = "See sender.Wire.",
    .tp_new = PyType_GenericNew,
    .tp_init = (initproc)wire_init,
    .tp_members = wire_members,
};

/* Sender */

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
    protect_function protect;
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

static unsigned char *put_four(unsigned char *at, uint32_t value)
{
    at[0] = (unsigned char)(value >> 24);
    at[1] = (unsigned char)(value >> 16);
    at[2] = (unsigned char)(value >> 8);
    at[3] = (unsigned char)value;
    return at + 4;
}

/* Write the whole packet, of 12 or 20 bytes more than its payload. */
static void write_packet(const Sender *self, const Outgoing *out, long long number, double now, unsigned char *at)
{
    at[0] = self->element ? 0x90 : 0x80;
    at[1] = (unsigned char)(out->marker ? out->payload_type | 0x80 : out->payload_type);
    at[2] = (unsigned char)(out->sequence >> 8);
    at[3] = (unsigned char)out->sequence;
    at = put_four(put_four(at + 4, out->timestamp), out->ssrc);
    if (self->element) {
        uint32_t value = self->counts ? (uint32_t)number << 8 : (uint32_t)(long long)(now * 262144);
        at = put_four(at, 0xBEDE0001);
        at = put_four(at, (uint32_t)self->element << 24 | (value & 0xFFFFFF));
    }
    memcpy(at, out->payload, out->size);
    if (out->picture_at && out->picture_long) {
        at[out->picture_at] = (unsigned char)(0x80 | out->picture >> 8);
        at[out->picture_at + 1] = (unsigned char)out->picture;
    } else if (out->picture_at) {
        at[out->picture_at] = (unsigned char)(out->picture & 0x7F);
    }
    if (out->tl0_at)
        at[out->tl0_at] = (unsigned char)out->tl0;
}

static void send_straight(Sender *self, const Outgoing *out, size_t size, long long number, double now)
{
    static union {
        unsigned char bytes[BUFFER_BYTES];
        uint64_t aligned;
    } buffer;
    int length = (int)size;
    int descriptor = self->address.ss_family == AF_INET6 ? self->wire->six : self->wire->four;
    if (size > MAX_PLAIN_BYTES)
        return;
    write_packet(self, out, number, now, buffer.bytes);
    if (self->protect(self->session, buffer.bytes, &length) || descriptor < 0)
        return;
    if (sendto(descriptor, buffer.bytes, (size_t)length, 0, (struct sockaddr *)&self->address,
               self->address_size) < 0)
        self->wire->refused++;
    else
        self->wire->sent++;
}

static int sender_emit(Sender *self, const Outgoing *out, double now)
{
    long long number = self->counts ? flight_note(self->flight, out->size + PACKET_OVERHEAD, now) : 0;
    size_t size = out->size + (self->element ? 20 : 12);
    if (self->wire) {
        send_straight(self, out, size, number, now);
    } else {
        PyObject *whole = PyBytes_FromStringAndSize(NULL, (Py_ssize_t)size), *answer;
        if (!whole)
            return -1;
        write_packet(self, out, number, now, (unsigned char *)PyBytes_AS_STRING(whole));
        answer = PyObject_CallOneArg(self->send_rtp, whole);
        Py_DECREF(whole);
        if (!answer)
            return -1;
        Py_DECREF(answer);
    }
    self->packets++;
    return 0;
}

static int sender_init(Sender *self, PyObject *args, PyObject *kwargs)
{
    static char *names[] = {"send_rtp", "flight", NULL};
    PyObject *send_rtp, *flight;
    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "OO!", names, &send_rtp, &FlightType, &flight))
        return -1;
    Py_INCREF(send_rtp);
    Py_XSETREF(self->send_rtp, send_rtp);
    Py_INCREF(flight);
    Py_XSETREF(self->flight, (Flight *)flight);
    return 0;
}

static PyObject *sender_configure(Sender *self, PyObject *args)
{
    int timed, counted;
    if (!PyArg_ParseTuple(args, "ii", &timed, &counted))
        return NULL;
    self->counts = counted > 0 && counted < 15;
    if (self->counts)
        self->element = (unsigned char)(counted << 4 | 1);
    else
        self->element = timed > 0 && timed < 15 ? (unsigned char)(timed << 4 | 2) : 0;
    Py_RETURN_NONE;
}

static PyObject *sender_release(Sender *self, PyObject *nothing)
{
    (void)nothing;
    Py_CLEAR(self->wire);
    Py_CLEAR(self->owner);
    Py_RETURN_NONE;
}

/* Read (host, port) or (host, port, flow, scope); returns whether it is an address to send to. */
static int read_address(PyObject *address, struct sockaddr_storage *found, socklen_t *size)
{
    const char *host;
    int port;
    unsigned flow = 0, scope = 0;
    if (!PyTuple_Check(address) || !PyArg_ParseTuple(address, "si|II", &host, &port, &flow, &scope)) {
        PyErr_Clear();
        return 0;
    }
    if (port < 1 || port > 65535)
        return 0;
    memset(found, 0, sizeof *found);
    if (strchr(host, ':')) {
        struct sockaddr_in6 *six = (struct sockaddr_in6 *)found;
        six->sin6_family = AF_INET6;
        six->sin6_port = htons((uint16_t)port);
        six->sin6_scope_id = scope;
        *size = sizeof *six;
        return inet_pton(AF_INET6, host, &six->sin6_addr) == 1;
    }
    struct sockaddr_in *four = (struct sockaddr_in *)found;
    four->sin_family = AF_INET;
    four->sin_port = htons((uint16_t)port);
    *size = sizeof *four;
    return inet_pton(AF_INET, host, &four->sin_addr) == 1;
}

static PyObject *sender_aim(Sender *self, PyObject *args)
{
    PyObject *wire, *address, *owner;
    unsigned long long session, protect;
    if (!PyArg_ParseTuple(args, "O!OKKO", &WireType, &wire, &address, &session, &protect, &owner))
        return NULL;
    Py_CLEAR(self->wire);
    if (!session || !protect || !read_address(address, &self->address, &self->address_size))
        Py_RETURN_FALSE;
    self->session = (void *)(uintptr_t)session;
    self->protect = (protect_function)(uintptr_t)protect;
    Py_INCREF(owner);
    Py_XSETREF(self->owner, owner);
    Py_INCREF(wire);
    self->wire = (Wire *)wire;
    Py_RETURN_TRUE;
}

static PyObject *sender_send(Sender *self, PyObject *const *args, Py_ssize_t count)
{
    Outgoing out = {0};
    if (count != 7 || !PyBytes_Check(args[5])) {
        PyErr_SetString(PyExc_TypeError, "send(payload_type, marker, sequence, timestamp, ssrc, payload, now)");
        return NULL;
    }
    out.payload_type = (unsigned)PyLong_AsLongLong(args[0]);
    out.marker = PyObject_IsTrue(args[1]) == 1;
    out.sequence = (uint16_t)PyLong_AsLongLong(args[2]);
    out.timestamp = (uint32_t)PyLong_AsLongLong(args[3]);
    out.ssrc = (uint32_t)PyLong_AsLongLong(args[4]);
    out.payload = (const unsigned char *)PyBytes_AS_STRING(args[5]);
    out.size = (size_t)PyBytes_GET_SIZE(args[5]);
    double now = PyFloat_AsDouble(args[6]);
    if (PyErr_Occurred() || sender_emit(self, &out, now) < 0)
        return NULL;
    Py_RETURN_NONE;
}

static int sender_traverse(Sender *self, visitproc visit, void *arg)
{
    Py_VISIT(self->send_rtp);
    Py_VISIT(self->flight);
    Py_VISIT(self->wire);
    Py_VISIT(self->owner);
    return 0;
}

static int sender_clear(Sender *self)
{
    Py_CLEAR(self->wire);
    Py_CLEAR(self->owner);
    Py_CLEAR(self->send_rtp);
    return 0; /* the flight holds nothing, and a packet may still be counted in it */
}

static void sender_dealloc(Sender *self)
{
    PyObject_GC_UnTrack(self);
    sender_clear(self);
    Py_CLEAR(self->flight);
    Py_TYPE(self)->tp_free((PyObject *)self);
}

static PyMemberDef sender_members[] = {
    {"packets", T_LONGLONG, offsetof(Sender, packets), 0, NULL}, {NULL, 0, 0, 0, NULL}};

static PyMethodDef sender_methods[] = {
    {"configure", (PyCFunction)sender_configure, METH_VARARGS, NULL},
    {"aim", (PyCFunction)sender_aim, METH_VARARGS, NULL},
    {"release", (PyCFunction)sender_release, METH_NOARGS, NULL},
    {"send", (PyCFunction)(void (*)(void))sender_send, METH_FASTCALL, NULL},
    {NULL, NULL, 0, NULL}};

static PyTypeObject SenderType = {
    PyVarObject_HEAD_INIT(NULL, 0).tp_name = "coordinator.relay.forwarding._compiled.Sender",
    .tp_basicsize = sizeof(Sender),
    .tp_flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC,
    .tp_doc = "See sender.Sender.",
    .tp_new = PyType_GenericNew,
    .tp_init = (initproc)sender_init,
    .tp_dealloc = (destructor)sender_dealloc,
    .tp_traverse = (traverseproc)sender_traverse,
    .tp_clear = (inquiry)sender_clear,
    .tp_members = sender_members,
    .tp_methods = sender_methods,
};

/* fan_out */

/* An incoming packet, as `history.Packet` has it. */
typedef struct {
    long long seq, timestamp;
    int marker, keyframe, has_vp8;
    const unsigned char *payload;
    size_t size;
    long long picture_at, picture_id, tl0_at, tl0;
    int picture_long;
} Incoming;

static long long number_of(PyObject *thing, PyObject *name)
{
    PyObject *value = PyObject_GetAttr(thing, name);
    long long number = value ? PyLong_AsLongLong(value) : -1;
    Py_XDECREF(value);
    return number;
}

static int truth_of(PyObject *thing, PyObject *name)
{
    PyObject *value = PyObject_GetAttr(thing, name);
    int truth = value ? PyObject_IsTrue(value) : -1;
    Py_XDECREF(value);
    return truth;
}

static PyObject *name_seq, *name_timestamp, *name_marker, *name_keyframe, *name_payload, *name_vp8;
static PyObject *name_picture_at, *name_picture_id, *name_picture_long, *name_tl0_at, *name_tl0;

/* Read a packet; returns its payload, which the caller lets go, or NULL with an error. */
static PyObject *read_packet(PyObject *packet, Incoming *in)
{
    PyObject *payload, *vp8;
    memset(in, 0, sizeof *in);
    in->seq = number_of(packet, name_seq);
    in->timestamp = number_of(packet, name_timestamp);
    in->marker = truth_of(packet, name_marker);
    in->keyframe = truth_of(packet, name_keyframe);
    if (PyErr_Occurred() || !(vp8 = PyObject_GetAttr(packet, name_vp8)))
        return NULL;
    if (vp8 != Py_None) {
        in->has_vp8 = 1;
        in->picture_at = number_of(vp8, name_picture_at);
        in->picture_id = number_of(vp8, name_picture_id);
        in->picture_long = truth_of(vp8, name_picture_long);
        in->tl0_at = number_of(vp8, name_tl0_at);
        in->tl0 = number_of(vp8, name_tl0);
    }
    Py_DECREF(vp8);
    if (PyErr_Occurred() || !(payload = PyObject_GetAttr(packet, name_payload)))
        return NULL;
    if (!PyBytes_Check(payload)) {
        PyErr_SetString(PyExc_TypeError, "a payload is bytes");
        Py_DECREF(payload);
        return NULL;
    }
    in->payload = (const unsigned char *)PyBytes_AS_STRING(payload);
    in->size = (size_t)PyBytes_GET_SIZE(payload);
    long long end = (long long)in->size;
    if (in->has_vp8 && (in->picture_at < 0 || in->picture_at + in->picture_long >= end || in->tl0_at < 0 ||
                        in->tl0_at >= end)) {
        PyErr_SetString(PyExc_IndexError, "a VP8 descriptor is longer than its payload");
        Py_DECREF(payload);
        return NULL;
    }
    return payload;
}

static int forward(Cursor *cursor, Sender *sender, const Incoming *in, double now)
{
    long long sequence = in->seq + cursor->shift;
    unsigned picture = (unsigned)(in->picture_id + cursor->picture_shift) & 0x7FFF;
    unsigned tl0 = (unsigned)(in->tl0 + cursor->tl0_shift) & 0xFF;
    Outgoing out = {
        .payload_type = (unsigned)cursor->payload_type,
        .marker = (unsigned)in->marker,
        .sequence = (uint16_t)sequence,
        .timestamp = (uint32_t)(in->timestamp + cursor->timestamp_shift),
        .ssrc = (uint32_t)cursor->ssrc,
        .payload = in->payload,
        .size = in->size,
        .picture_at = cursor->picture_shift ? (size_t)in->picture_at : 0,
        .picture_long = in->picture_long,
        .picture = picture,
        .tl0_at = cursor->tl0_shift ? (size_t)in->tl0_at : 0,
        .tl0 = tl0,
    };
    if (sequence > cursor->sequence) {
        cursor->sequence = sequence;
        cursor->timestamp = out.timestamp;
        cursor->top = in->seq;
        if (in->has_vp8) {
            cursor->picture = picture;
            cursor->tl0 = tl0;
        }
    }
    cursor->packets++;
    cursor->octets += (long long)in->size;
    cursor->sent_at = now;
    return sender_emit(sender, &out, now);
}

static int add_place(PyObject *left, Py_ssize_t place)
{
    PyObject *number = PyLong_FromSsize_t(place);
    int wrong = !number || PyList_Append(left, number) < 0;
    Py_XDECREF(number);
    return wrong ? -1 : 0;
}

static int fan_out_one(PyObject *pair, Py_ssize_t place, long long source, const Incoming *in, double now,
                       PyObject *left)
{
    if (!PyTuple_Check(pair) || PyTuple_GET_SIZE(pair) != 2 ||
        !Py_IS_TYPE(PyTuple_GET_ITEM(pair, 0), &CursorType) ||
        !Py_IS_TYPE(PyTuple_GET_ITEM(pair, 1), &SenderType)) {
        PyErr_SetString(PyExc_TypeError, "exits are pairs of cursor and sender");
        return -1;
    }
    Cursor *cursor = (Cursor *)PyTuple_GET_ITEM(pair, 0);
    if (cursor->source == source && in->seq >= cursor->first)
        return forward(cursor, (Sender *)PyTuple_GET_ITEM(pair, 1), in, now);
    if (cursor->source == source || cursor->source == NONE || in->keyframe)
        return add_place(left, place);
    return 0;
}

static PyObject *fan_out(PyObject *module, PyObject *const *args, Py_ssize_t count)
{
    Incoming in;
    (void)module;
    if (count != 4 || !PyList_Check(args[0])) {
        PyErr_SetString(PyExc_TypeError, "fan_out(exits: list, source, packet, now)");
        return NULL;
    }
    long long source = PyLong_AsLongLong(args[1]);
    double now = PyFloat_AsDouble(args[3]);
    if (PyErr_Occurred())
        return NULL;
    PyObject *left = PyList_New(0), *payload = left ? read_packet(args[2], &in) : NULL;
    int wrong = !payload;
    for (Py_ssize_t place = 0; !wrong && place < PyList_GET_SIZE(args[0]); place++) {
        PyObject *pair = PyList_GET_ITEM(args[0], place);
        Py_INCREF(pair);
        wrong = fan_out_one(pair, place, source, &in, now, left) < 0;
        Py_DECREF(pair);
    }
    Py_XDECREF(payload);
    if (wrong)
        Py_CLEAR(left);
    return left;
}

/* Door */

typedef int (*unprotect_function)(void *session, void *packet, int *size);

typedef struct {
    PyObject_HEAD
    PyObject *on_rtp, *on_rtcp, *on_dtls, *on_fault;
    double left, burst, per_s, filled_at, heard_at;
    long long refused;
    void *session; /* NULL while shut */
    unprotect_function unprotect, unprotect_rtcp;
    PyObject *owner;
} Door;

static double monotonic(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

static int door_init(Door *self, PyObject *args, PyObject *kwargs)
{
    static char *names[] = {"behind", "burst", "per_s", NULL};
    PyObject *behind;
    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "Odd", names, &behind, &self->burst, &self->per_s))
        return -1;
    Py_XSETREF(self->on_rtp, PyObject_GetAttrString(behind, "on_rtp"));
    Py_XSETREF(self->on_rtcp, PyObject_GetAttrString(behind, "on_rtcp"));
    Py_XSETREF(self->on_dtls, PyObject_GetAttrString(behind, "on_dtls"));
    Py_XSETREF(self->on_fault, PyObject_GetAttrString(behind, "on_fault"));
    self->left = self->burst;
    self->filled_at = self->heard_at = monotonic();
    return self->on_rtp && self->on_rtcp && self->on_dtls && self->on_fault ? 0 : -1;
}

static PyObject *door_open(Door *self, PyObject *args)
{
    unsigned long long session, unprotect, unprotect_rtcp;
    PyObject *owner;
    if (!PyArg_ParseTuple(args, "KKKO", &session, &unprotect, &unprotect_rtcp, &owner))
        return NULL;
    self->session = (void *)(uintptr_t)session;
    self->unprotect = (unprotect_function)(uintptr_t)unprotect;
    self->unprotect_rtcp = (unprotect_function)(uintptr_t)unprotect_rtcp;
    Py_INCREF(owner);
    Py_XSETREF(self->owner, owner);
    Py_RETURN_NONE;
}

static PyObject *door_shut(Door *self, PyObject *nothing)
{
    (void)nothing;
    self->session = NULL;
    Py_CLEAR(self->owner);
    Py_RETURN_NONE;
}

static int door_allows(Door *self)
{
    if (self->left < 1.0) {
        double now = monotonic(), filled = self->left + (now - self->filled_at) * self->per_s;
        self->left = filled < self->burst ? filled : self->burst;
        self->filled_at = now;
        if (self->left < 1.0) {
            self->refused++;
            return 0;
        }
    }
    self->left -= 1.0;
    return 1;
}

/* Tell what was raised; returns -1 when it is nothing to go on after (KeyboardInterrupt and its like). */
static int door_fault(Door *self)
{
    PyObject *type, *value, *trace, *answer;
    if (!PyErr_ExceptionMatches(PyExc_Exception))
        return -1;
    PyErr_Fetch(&type, &value, &trace);
    PyErr_NormalizeException(&type, &value, &trace);
    if (trace)
        PyException_SetTraceback(value, trace);
    answer = PyObject_CallOneArg(self->on_fault, value);
    Py_XDECREF(type);
    Py_XDECREF(value);
    Py_XDECREF(trace);
    Py_XDECREF(answer);
    return answer ? 0 : -1;
}

static int door_hand(Door *self, PyObject *taker, const unsigned char *data, size_t size)
{
    PyObject *whole = PyBytes_FromStringAndSize((const char *)data, (Py_ssize_t)size), *answer;
    if (!whole)
        return -1;
    Py_INCREF(taker);
    answer = PyObject_CallOneArg(taker, whole);
    Py_DECREF(taker);
    Py_DECREF(whole);
    Py_XDECREF(answer);
    return answer ? 0 : door_fault(self);
}

/* Take one datagram, which is decrypted where it is. */
static int door_take_datagram(Door *self, unsigned char *data, size_t size)
{
    int length = (int)size;
    if (!size || !door_allows(self))
        return 0;
    if (data[0] > 19 && data[0] < 64)
        return door_hand(self, self->on_dtls, data, size);
    if (data[0] < 128 || data[0] > 191 || !self->session || size < 8)
        return 0;
    int control = data[1] >= 192 && data[1] <= 223; /* RFC 5761 §4 */
    if ((control ? self->unprotect_rtcp : self->unprotect)(self->session, data, &length))
        return 0;
    self->heard_at = monotonic();
    return door_hand(self, control ? self->on_rtcp : self->on_rtp, data, (size_t)length);
}

static PyObject *door_take(Door *self, PyObject *data)
{
    static union {
        unsigned char bytes[BUFFER_BYTES];
        uint64_t aligned;
    } buffer;
    Py_buffer view;
    if (PyObject_GetBuffer(data, &view, PyBUF_SIMPLE) < 0)
        return NULL;
    size_t size = (size_t)view.len;
    if (size <= BUFFER_BYTES)
        memcpy(buffer.bytes, view.buf, size);
    PyBuffer_Release(&view);
    if (size <= BUFFER_BYTES && door_take_datagram(self, buffer.bytes, size) < 0)
        return NULL;
    Py_RETURN_NONE;
}

static int door_traverse(Door *self, visitproc visit, void *arg)
{
    Py_VISIT(self->on_rtp);
    Py_VISIT(self->on_rtcp);
    Py_VISIT(self->on_dtls);
    Py_VISIT(self->on_fault);
    Py_VISIT(self->owner);
    return 0;
}

static int door_clear(Door *self)
{
    self->session = NULL;
    Py_CLEAR(self->on_rtp);
    Py_CLEAR(self->on_rtcp);
    Py_CLEAR(self->on_dtls);
    Py_CLEAR(self->on_fault);
    Py_CLEAR(self->owner);
    return 0;
}

static void door_dealloc(Door *self)
{
    PyObject_GC_UnTrack(self);
    door_clear(self);
    Py_TYPE(self)->tp_free((PyObject *)self);
}

static PyMemberDef door_members[] = {
    {"heard_at", T_DOUBLE, offsetof(Door, heard_at), 0, NULL},
    {"refused", T_LONGLONG, offsetof(Door, refused), READONLY, NULL},
    {NULL, 0, 0, 0, NULL}};

static PyMethodDef door_methods[] = {
    {"open", (PyCFunction)door_open, METH_VARARGS, NULL},
    {"shut", (PyCFunction)door_shut, METH_NOARGS, NULL},
    {"take", (PyCFunction)door_take, METH_O, NULL},
    {NULL, NULL, 0, NULL}};

static PyTypeObject DoorType = {
    PyVarObject_HEAD_INIT(NULL, 0).tp_name = "coordinator.relay.forwarding._compiled.Door",
    .tp_basicsize = sizeof(Door),
    .tp_flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC,
    .tp_doc = "See door.PureDoor.",
    .tp_new = PyType_GenericNew,
    .tp_init = (initproc)door_init,
    .tp_dealloc = (destructor)door_dealloc,
    .tp_traverse = (traverseproc)door_traverse,
    .tp_clear = (inquiry)door_clear,
    .tp_members = door_members,
    .tp_methods = door_methods,
};

/* drain */

/* The address as the socket module would give it. */
static PyObject *address_of(const struct sockaddr_storage *from)
{
    char host[INET6_ADDRSTRLEN];
    if (from->ss_family == AF_INET6) {
        const struct sockaddr_in6 *six = (const struct sockaddr_in6 *)from;
        if (!inet_ntop(AF_INET6, &six->sin6_addr, host, sizeof host))
            return PyErr_SetFromErrno(PyExc_OSError);
        return Py_BuildValue("(siII)", host, (int)ntohs(six->sin6_port), (unsigned)ntohl(six->sin6_flowinfo),
                             (unsigned)six->sin6_scope_id);
    }
    const struct sockaddr_in *four = (const struct sockaddr_in *)from;
    if (!inet_ntop(AF_INET, &four->sin_addr, host, sizeof host))
        return PyErr_SetFromErrno(PyExc_OSError);
    return Py_BuildValue("(si)", host, (int)ntohs(four->sin_port));
}

static int take_one(PyObject *doors, PyObject *stranger, unsigned char *data, size_t size,
                    const struct sockaddr_storage *from, long long *dropped)
{
    if (!size)
        return 0;
    PyObject *address = address_of(from), *door, *answer;
    int wrong = -1;
    if (!address)
        return -1;
    if (data[0] < 4) {
        answer = PyObject_CallFunction(stranger, "y#O", (const char *)data, (Py_ssize_t)size, address);
        wrong = answer ? 0 : -1;
        Py_XDECREF(answer);
    } else if ((door = PyDict_GetItemWithError(doors, address))) {
        if (Py_IS_TYPE(door, &DoorType)) {
            Py_INCREF(door);
            wrong = door_take_datagram((Door *)door, data, size);
            Py_DECREF(door);
        } else {
            PyErr_SetString(PyExc_TypeError, "doors are Door objects by address");
        }
    } else if (!PyErr_Occurred()) {
        ++*dropped;
        wrong = 0;
    }
    Py_DECREF(address);
    return wrong;
}

static PyObject *drain(PyObject *module, PyObject *args)
{
    static union {
        unsigned char bytes[BUFFER_BYTES];
        uint64_t aligned;
    } buffers[BATCH];
    static struct mmsghdr messages[BATCH];
    static struct iovec pieces[BATCH];
    static struct sockaddr_storage from[BATCH];
    int descriptor, limit, came = BATCH;
    long long received = 0, dropped = 0;
    PyObject *doors, *stranger;
    (void)module;
    if (!PyArg_ParseTuple(args, "iO!Oi", &descriptor, &PyDict_Type, &doors, &stranger, &limit))
        return NULL;
    while (came == BATCH && received < limit) {
        for (int index = 0; index < BATCH; index++) {
            pieces[index] = (struct iovec){buffers[index].bytes, BUFFER_BYTES};
            messages[index].msg_hdr = (struct msghdr){
                .msg_name = &from[index], .msg_namelen = sizeof from[index], .msg_iov = &pieces[index], .msg_iovlen = 1};
        }
        came = recvmmsg(descriptor, messages, BATCH, MSG_DONTWAIT, NULL);
        for (int index = 0; index < came; index++) {
            received++;
            if (take_one(doors, stranger, buffers[index].bytes, messages[index].msg_len, &from[index], &dropped) < 0)
                return NULL;
        }
    }
    return Py_BuildValue("LL", received, dropped);
}

static PyMethodDef functions[] = {
    {"fan_out", (PyCFunction)(void (*)(void))fan_out, METH_FASTCALL, NULL},
    {"drain", drain, METH_VARARGS, NULL},
    {NULL, NULL, 0, NULL}};

static struct PyModuleDef definition = {
    PyModuleDef_HEAD_INIT,
    .m_name = "_compiled",
    .m_doc = "The sending plane in C; see engine.py.",
    .m_size = -1,
    .m_methods = functions,
};

static int add_names(void)
{
    return (name_seq = PyUnicode_InternFromString("seq")) &&
           (name_timestamp = PyUnicode_InternFromString("timestamp")) &&
           (name_marker = PyUnicode_InternFromString("marker")) &&
           (name_keyframe = PyUnicode_InternFromString("keyframe")) &&
           (name_payload = PyUnicode_InternFromString("payload")) &&
           (name_vp8 = PyUnicode_InternFromString("vp8")) &&
           (name_picture_at = PyUnicode_InternFromString("picture_at")) &&
           (name_picture_id = PyUnicode_InternFromString("picture_id")) &&
           (name_picture_long = PyUnicode_InternFromString("picture_long")) &&
           (name_tl0_at = PyUnicode_InternFromString("tl0_at")) && (name_tl0 = PyUnicode_InternFromString("tl0"));
}

PyMODINIT_FUNC PyInit__compiled(void)
{
    PyObject *module = PyModule_Create(&definition);
    if (!module)
        return NULL;
    if (!add_names() || PyModule_AddType(module, &CursorType) < 0 || PyModule_AddType(module, &FlightType) < 0 ||
        PyModule_AddType(module, &WireType) < 0 || PyModule_AddType(module, &SenderType) < 0 ||
        PyModule_AddType(module, &DoorType) < 0)
        Py_CLEAR(module);
    return module;
}
