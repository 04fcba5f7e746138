/* The media plane in C, with the names of the pure one: parse (rtp.py), Packet (history.py), RateMeter and Intake
   (intake.py), Cursor, Flight, Wire, Sender and fan_out (the files of their names, and sender.py), Door and drain
   (../door.py, ../udp_mux.py).

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
    BATCH = 32,
    FRAMES_KEPT = 8,
    MAX_JITTER_S = 10
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

/* Vp8 and Packet */

typedef struct {
    PyObject_HEAD
    char keyframe, starts, picture_long;
    long long picture_at, picture_id, tl0_at, tl0;
} Vp8;

static PyMemberDef vp8_members[] = {
    {"keyframe", T_BOOL, offsetof(Vp8, keyframe), 0, NULL},
    {"starts", T_BOOL, offsetof(Vp8, starts), 0, NULL},
    {"picture_long", T_BOOL, offsetof(Vp8, picture_long), 0, NULL},
    {"picture_at", T_LONGLONG, offsetof(Vp8, picture_at), 0, NULL},
    {"picture_id", T_LONGLONG, offsetof(Vp8, picture_id), 0, NULL},
    {"tl0_at", T_LONGLONG, offsetof(Vp8, tl0_at), 0, NULL},
    {"tl0", T_LONGLONG, offsetof(Vp8, tl0), 0, NULL},
    {NULL, 0, 0, 0, NULL}};

static PyTypeObject Vp8Type = {
    PyVarObject_HEAD_INIT(NULL, 0).tp_name = "coordinator.relay.forwarding._compiled.Vp8",
    .tp_basicsize = sizeof(Vp8),
    .tp_flags = Py_TPFLAGS_DEFAULT,
    .tp_doc = "See codecs.Vp8.",
    .tp_new = PyType_GenericNew,
    .tp_members = vp8_members,
};

/* Read a payload descriptor; returns whether there is one (see codecs.parse_vp8). */
static int read_vp8(const unsigned char *payload, Py_ssize_t size, Vp8 *found)
{
    Py_ssize_t at = 1;
    if (size < 1)
        return 0;
    if (payload[0] & 0x80) {
        if (size < 2)
            return 0;
        unsigned flags = payload[1];
        at = 2;
        if (flags & 0x80) {
            if (size < at + 2)
                return 0;
            found->picture_at = at;
            found->picture_long = payload[at] > 127;
            found->picture_id = found->picture_long ? (payload[at] & 0x7F) << 8 | payload[at + 1] : payload[at];
            at += found->picture_long ? 2 : 1;
        }
        if (flags & 0x40) {
            if (size < at + 1)
                return 0;
            found->tl0_at = at;
            found->tl0 = payload[at];
            at++;
        }
        if (flags & 0x30)
            at++;
    }
    if (size <= at)
        return 0;
    found->starts = (payload[0] & 0x10) && !(payload[0] & 0x07);
    found->keyframe = found->starts && !(payload[at] & 0x01);
    return 1;
}

static Vp8 *new_vp8(const unsigned char *payload, Py_ssize_t size, int *wrong)
{
    Vp8 *found = (Vp8 *)Vp8Type.tp_alloc(&Vp8Type, 0);
    *wrong = !found;
    if (found && !read_vp8(payload, size, found))
        Py_CLEAR(found);
    return found;
}

typedef struct {
    PyObject_HEAD
    long long seq, timestamp;
    char marker, keyframe, starts;
    PyObject *payload;
    Vp8 *vp8;
} Packet;

static PyObject *packet_get_vp8(Packet *self, void *nothing)
{
    (void)nothing;
    PyObject *vp8 = self->vp8 ? (PyObject *)self->vp8 : Py_None;
    Py_INCREF(vp8);
    return vp8;
}

/* Take over what codecs.parse_vp8 has found: a copy of its fields. */
static int packet_set_vp8(Packet *self, PyObject *from, void *nothing)
{
    static const char *const fields[] = {"keyframe", "starts", "picture_long", "picture_at", "picture_id",
                                         "tl0_at", "tl0"};
    (void)nothing;
    if (!from || from == Py_None) {
        Py_CLEAR(self->vp8);
        return 0;
    }
    PyObject *copy = Vp8Type.tp_alloc(&Vp8Type, 0);
    for (size_t index = 0; copy && index < sizeof fields / sizeof fields[0]; index++) {
        PyObject *value = PyObject_GetAttrString(from, fields[index]);
        if (!value || PyObject_SetAttrString(copy, fields[index], value) < 0)
            Py_CLEAR(copy);
        Py_XDECREF(value);
    }
    if (!copy)
        return -1;
    Py_XSETREF(self->vp8, (Vp8 *)copy);
    return 0;
}

static void packet_dealloc(Packet *self)
{
    Py_CLEAR(self->payload);
    Py_CLEAR(self->vp8);
    Py_TYPE(self)->tp_free((PyObject *)self);
}

static PyMemberDef packet_members[] = {
    {"seq", T_LONGLONG, offsetof(Packet, seq), 0, NULL},
    {"timestamp", T_LONGLONG, offsetof(Packet, timestamp), 0, NULL},
    {"marker", T_BOOL, offsetof(Packet, marker), 0, NULL},
    {"keyframe", T_BOOL, offsetof(Packet, keyframe), 0, NULL},
    {"starts", T_BOOL, offsetof(Packet, starts), 0, NULL},
    {"payload", T_OBJECT_EX, offsetof(Packet, payload), 0, NULL},
    {NULL, 0, 0, 0, NULL}};

static PyGetSetDef packet_computed[] = {
    {"vp8", (getter)packet_get_vp8, (setter)packet_set_vp8, NULL, NULL}, {NULL, NULL, NULL, NULL, NULL}};

static PyTypeObject PacketType = {
    PyVarObject_HEAD_INIT(NULL, 0).tp_name = "coordinator.relay.forwarding._compiled.Packet",
    .tp_basicsize = sizeof(Packet),
    .tp_flags = Py_TPFLAGS_DEFAULT,
    .tp_doc = "See history.Packet.",
    .tp_new = PyType_GenericNew,
    .tp_dealloc = (destructor)packet_dealloc,
    .tp_members = packet_members,
    .tp_getset = packet_computed,
};

/* RateMeter */

typedef struct {
    PyObject_HEAD
    double since, smooth;
    long long bytes;
    int smoothed;
} RateMeter;

static void rate_count(RateMeter *self, long long size, double now)
{
    double elapsed = now - self->since;
    if (elapsed >= 1.0) {
        double rate = (double)(8 * self->bytes) / elapsed;
        if (elapsed > 3.0) {
            self->smoothed = 0;
        } else if (!self->smoothed) {
            self->smooth = rate;
            self->smoothed = 1;
        } else {
            self->smooth += (rate - self->smooth) / 3;
        }
        self->since = now;
        self->bytes = 0;
    }
    self->bytes += size;
}

static PyObject *rate_add(RateMeter *self, PyObject *args)
{
    long long size;
    double now;
    if (!PyArg_ParseTuple(args, "Ld", &size, &now))
        return NULL;
    rate_count(self, size, now);
    Py_RETURN_NONE;
}

static PyObject *rate_bps(RateMeter *self, PyObject *at)
{
    double now = PyFloat_AsDouble(at), elapsed = now - self->since;
    if (PyErr_Occurred())
        return NULL;
    if (elapsed > 2.0)
        return PyFloat_FromDouble(0.0);
    if (self->smoothed)
        return PyFloat_FromDouble(self->smooth);
    return PyFloat_FromDouble((double)(8 * self->bytes) / (elapsed > 0.5 ? elapsed : 0.5));
}

static PyMethodDef rate_methods[] = {
    {"add", (PyCFunction)rate_add, METH_VARARGS, NULL},
    {"bps", (PyCFunction)rate_bps, METH_O, NULL},
    {NULL, NULL, 0, NULL}};

static PyTypeObject RateMeterType = {
    PyVarObject_HEAD_INIT(NULL, 0).tp_name = "coordinator.relay.forwarding._compiled.RateMeter",
    .tp_basicsize = sizeof(RateMeter),
    .tp_flags = Py_TPFLAGS_DEFAULT,
    .tp_doc = "See intake.RateMeter.",
    .tp_new = PyType_GenericNew,
    .tp_methods = rate_methods,
};

/* Intake */

typedef struct {
    PyObject_HEAD
    int vp8, opus;
    double clock_rate, jitter, transit, last_arrival;
    char timed;
    long long top, removed, received;
    PyObject *ring; /* of the history: a list, as long as a power of two */
    RateMeter *rate;
    PyObject *frame_times;
} Intake;

static int intake_init(Intake *self, PyObject *args, PyObject *kwargs)
{
    static char *names[] = {"codec", "clock_rate", "history", NULL};
    const char *codec;
    PyObject *history, *ring, *collections;
    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "sdO", names, &codec, &self->clock_rate, &history))
        return -1;
    self->vp8 = !strcmp(codec, "vp8");
    self->opus = !strcmp(codec, "opus");
    self->top = -1;
    if (!(ring = PyObject_GetAttrString(history, "ring")))
        return -1;
    Py_XSETREF(self->ring, ring);
    if (!PyList_Check(ring) || !PyList_GET_SIZE(ring) || PyList_GET_SIZE(ring) & (PyList_GET_SIZE(ring) - 1)) {
        PyErr_SetString(PyExc_TypeError, "a history's ring is a list as long as a power of two");
        return -1;
    }
    Py_XSETREF(self->rate, (RateMeter *)RateMeterType.tp_alloc(&RateMeterType, 0));
    if (!(collections = PyImport_ImportModule("collections")))
        return -1;
    Py_XSETREF(self->frame_times, PyObject_CallMethod(collections, "deque", "()i", FRAMES_KEPT));
    Py_DECREF(collections);
    return self->rate && self->frame_times ? 0 : -1;
}

static int intake_count(Intake *self, long long size, int marker, double now)
{
    self->last_arrival = now;
    rate_count(self->rate, size, now);
    if (marker && size) {
        PyObject *answer = PyObject_CallMethod(self->frame_times, "append", "d", now);
        Py_XDECREF(answer);
        return answer ? 0 : -1;
    }
    return 0;
}

static void intake_time(Intake *self, long long timestamp, double now)
{
    double transit = now * self->clock_rate - (double)timestamp;
    if (self->timed) {
        double difference = fabs(transit - self->transit);
        if (difference < self->clock_rate * MAX_JITTER_S)
            self->jitter += (difference - self->jitter) / 16;
    }
    self->transit = transit;
    self->timed = 1;
}

static Packet *intake_packet(Intake *self, PyObject *payload)
{
    Packet *packet = (Packet *)PacketType.tp_alloc(&PacketType, 0);
    int wrong = 0;
    if (!packet)
        return NULL;
    Py_INCREF(payload);
    packet->payload = payload;
    if (self->vp8)
        packet->vp8 = new_vp8((const unsigned char *)PyBytes_AS_STRING(payload), PyBytes_GET_SIZE(payload), &wrong);
    if (wrong)
        Py_CLEAR(packet);
    else if (packet->vp8) {
        packet->keyframe = packet->vp8->keyframe;
        packet->starts = packet->vp8->starts;
    } else {
        packet->keyframe = packet->starts = (char)self->opus;
    }
    return packet;
}

static PyObject *intake_next(Intake *self, PyObject *const *args, Py_ssize_t count)
{
    if (count != 5 || !PyBytes_Check(args[3])) {
        PyErr_SetString(PyExc_TypeError, "next(sequence, timestamp, marker, payload, now)");
        return NULL;
    }
    long long sequence = PyLong_AsLongLong(args[0]), timestamp = PyLong_AsLongLong(args[1]);
    int marker = PyObject_IsTrue(args[2]) == 1;
    Py_ssize_t size = PyBytes_GET_SIZE(args[3]);
    double now = PyFloat_AsDouble(args[4]);
    if (PyErr_Occurred())
        return NULL;
    if (self->top < 0 || sequence != ((self->top + 1) & 0xFFFF) || !size || !(self->vp8 || self->opus))
        Py_RETURN_NONE;
    Packet *packet = intake_packet(self, args[3]);
    if (!packet)
        return NULL;
    self->top++;
    self->received++;
    packet->seq = self->top - self->removed;
    packet->timestamp = timestamp;
    packet->marker = (char)marker;
    intake_time(self, timestamp, now);
    Py_INCREF(packet);
    Py_ssize_t place = (Py_ssize_t)(packet->seq & (PyList_GET_SIZE(self->ring) - 1));
    if (PyList_SetItem(self->ring, place, (PyObject *)packet) < 0 || intake_count(self, size, marker, now) < 0)
        Py_CLEAR(packet);
    return (PyObject *)packet;
}

static PyObject *intake_note(Intake *self, PyObject *args)
{
    long long size;
    int marker;
    double now;
    if (!PyArg_ParseTuple(args, "Lpd", &size, &marker, &now) || intake_count(self, size, marker, now) < 0)
        return NULL;
    Py_RETURN_NONE;
}

static PyObject *intake_note_jitter(Intake *self, PyObject *args)
{
    long long timestamp;
    double now;
    if (!PyArg_ParseTuple(args, "Ld", &timestamp, &now))
        return NULL;
    intake_time(self, timestamp, now);
    Py_RETURN_NONE;
}

static void intake_dealloc(Intake *self)
{
    Py_CLEAR(self->ring);
    Py_CLEAR(self->rate);
    Py_CLEAR(self->frame_times);
    Py_TYPE(self)->tp_free((PyObject *)self);
}

static PyMemberDef intake_members[] = {
    {"top", T_LONGLONG, offsetof(Intake, top), 0, NULL},
    {"removed", T_LONGLONG, offsetof(Intake, removed), 0, NULL},
    {"received", T_LONGLONG, offsetof(Intake, received), 0, NULL},
    {"last_arrival", T_DOUBLE, offsetof(Intake, last_arrival), 0, NULL},
    {"jitter", T_DOUBLE, offsetof(Intake, jitter), 0, NULL},
    {"transit", T_DOUBLE, offsetof(Intake, transit), 0, NULL},
    {"timed", T_BOOL, offsetof(Intake, timed), 0, NULL},
    {"rate", T_OBJECT_EX, offsetof(Intake, rate), READONLY, NULL},
    {"frame_times", T_OBJECT_EX, offsetof(Intake, frame_times), READONLY, NULL},
    {NULL, 0, 0, 0, NULL}};

static PyMethodDef intake_methods[] = {
    {"next", (PyCFunction)(void (*)(void))intake_next, METH_FASTCALL, NULL},
    {"note", (PyCFunction)intake_note, METH_VARARGS, NULL},
    {"note_jitter", (PyCFunction)intake_note_jitter, METH_VARARGS, NULL},
    {NULL, NULL, 0, NULL}};

static PyTypeObject IntakeType = {
    PyVarObject_HEAD_INIT(NULL, 0).tp_name = "coordinator.relay.forwarding._compiled.Intake",
    .tp_basicsize = sizeof(Intake),
    .tp_flags = Py_TPFLAGS_DEFAULT,
    .tp_doc = "See intake.Intake.",
    .tp_new = PyType_GenericNew,
    .tp_init = (initproc)intake_init,
    .tp_dealloc = (destructor)intake_dealloc,
    .tp_members = intake_members,
    .tp_methods = intake_methods,
};

/* Header and parse */

typedef struct {
    PyObject_HEAD
    char marker;
    long long payload_type, sequence, timestamp, ssrc, payload_at, payload_end;
    PyObject *extensions;
} Header;

static void header_dealloc(Header *self)
{
    Py_CLEAR(self->extensions);
    Py_TYPE(self)->tp_free((PyObject *)self);
}

static PyMemberDef header_members[] = {
    {"marker", T_BOOL, offsetof(Header, marker), 0, NULL},
    {"payload_type", T_LONGLONG, offsetof(Header, payload_type), 0, NULL},
    {"sequence", T_LONGLONG, offsetof(Header, sequence), 0, NULL},
    {"timestamp", T_LONGLONG, offsetof(Header, timestamp), 0, NULL},
    {"ssrc", T_LONGLONG, offsetof(Header, ssrc), 0, NULL},
    {"payload_at", T_LONGLONG, offsetof(Header, payload_at), 0, NULL},
    {"payload_end", T_LONGLONG, offsetof(Header, payload_end), 0, NULL},
    {"extensions", T_OBJECT_EX, offsetof(Header, extensions), 0, NULL},
    {NULL, 0, 0, 0, NULL}};

static PyTypeObject HeaderType = {
    PyVarObject_HEAD_INIT(NULL, 0).tp_name = "coordinator.relay.forwarding._compiled.Header",
    .tp_basicsize = sizeof(Header),
    .tp_flags = Py_TPFLAGS_DEFAULT,
    .tp_doc = "See rtp.Header.",
    .tp_new = PyType_GenericNew,
    .tp_dealloc = (destructor)header_dealloc,
    .tp_members = header_members,
};

static uint32_t four_bytes(const unsigned char *at)
{
    return (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | at[3];
}

static int add_extension(PyObject *found, unsigned element, const unsigned char *from, Py_ssize_t size)
{
    PyObject *key = PyLong_FromLong((long)element);
    PyObject *value = PyBytes_FromStringAndSize((const char *)from, size > 0 ? size : 0);
    int wrong = !key || !value || PyDict_SetItem(found, key, value) < 0;
    Py_XDECREF(key);
    Py_XDECREF(value);
    return wrong ? -1 : 0;
}

static int read_extensions(PyObject *found, const unsigned char *data, unsigned profile, Py_ssize_t at,
                           Py_ssize_t end)
{
    int two = (profile & 0xFFF0) == 0x1000;
    if (!two && profile != 0xBEDE)
        return 0;
    while (at < end) {
        unsigned element = data[at];
        Py_ssize_t length;
        if (!element) {
            at++;
            continue;
        }
        if (two) {
            if (at + 2 > end)
                break;
            length = data[at + 1];
            at += 2;
        } else {
            length = (element & 0x0F) + 1;
            element >>= 4;
            at++;
            if (element == 15)
                break;
        }
        if (add_extension(found, element, data + at, (at + length < end ? at + length : end) - at) < 0)
            return -1;
        at += length;
    }
    return 0;
}

/* Fill in a header; returns what is wrong with the packet, "" for an error that is set, or NULL. */
static const char *read_header(Header *header, const unsigned char *data, Py_ssize_t size)
{
    if (size < 12)
        return "RTP packet is shorter than its header";
    if (data[0] >> 6 != 2)
        return "not RTP version 2";
    header->marker = data[1] > 127;
    header->payload_type = data[1] & 0x7F;
    header->sequence = two_bytes(data + 2);
    header->timestamp = four_bytes(data + 4);
    header->ssrc = four_bytes(data + 8);
    Py_ssize_t at = 12 + 4 * (data[0] & 0x0F);
    if (data[0] & 0x10) {
        if (at + 4 > size)
            return "RTP extension header is truncated";
        Py_ssize_t end = at + 4 + 4 * (Py_ssize_t)two_bytes(data + at + 2);
        if (end > size)
            return "RTP extension is truncated";
        if (read_extensions(header->extensions, data, two_bytes(data + at), at + 4, end) < 0)
            return "";
        at = end;
    }
    header->payload_at = at;
    header->payload_end = data[0] & 0x20 ? size - data[size - 1] : size;
    return header->payload_end < at ? "RTP padding is longer than the packet" : NULL;
}

static PyObject *parse(PyObject *module, PyObject *data)
{
    (void)module;
    if (!PyBytes_Check(data)) {
        PyErr_SetString(PyExc_TypeError, "a packet is bytes");
        return NULL;
    }
    Header *header = (Header *)HeaderType.tp_alloc(&HeaderType, 0);
    if (!header)
        return NULL;
    const char *wrong = "";
    if ((header->extensions = PyDict_New()))
        wrong = read_header(header, (const unsigned char *)PyBytes_AS_STRING(data), PyBytes_GET_SIZE(data));
    if (!wrong)
        return (PyObject *)header;
    if (*wrong)
        PyErr_SetString(PyExc_ValueError, wrong);
    Py_DECREF(header);
    return NULL;
}

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

static int forward(Cursor *cursor, Sender *sender, const Packet *in, double now)
{
    long long sequence = in->seq + cursor->shift;
    const Vp8 *vp8 = in->vp8;
    unsigned picture = vp8 ? (unsigned)(vp8->picture_id + cursor->picture_shift) & 0x7FFF : 0;
    unsigned tl0 = vp8 ? (unsigned)(vp8->tl0 + cursor->tl0_shift) & 0xFF : 0;
    Outgoing out = {
        .payload_type = (unsigned)cursor->payload_type,
        .marker = (unsigned)in->marker,
        .sequence = (uint16_t)sequence,
        .timestamp = (uint32_t)(in->timestamp + cursor->timestamp_shift),
        .ssrc = (uint32_t)cursor->ssrc,
        .payload = (const unsigned char *)PyBytes_AS_STRING(in->payload),
        .size = (size_t)PyBytes_GET_SIZE(in->payload),
        .picture_at = vp8 && cursor->picture_shift ? (size_t)vp8->picture_at : 0,
        .picture_long = vp8 ? vp8->picture_long : 0,
        .picture = picture,
        .tl0_at = vp8 && cursor->tl0_shift ? (size_t)vp8->tl0_at : 0,
        .tl0 = tl0,
    };
    if (sequence > cursor->sequence) {
        cursor->sequence = sequence;
        cursor->timestamp = out.timestamp;
        cursor->top = in->seq;
        if (vp8) {
            cursor->picture = picture;
            cursor->tl0 = tl0;
        }
    }
    cursor->packets++;
    cursor->octets += (long long)out.size;
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

static int fan_out_one(PyObject *pair, Py_ssize_t place, long long source, const Packet *in, double now,
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

/* Whether all that a packet says of itself lies within its payload. */
static int is_whole(const Packet *packet)
{
    if (!packet->payload || !PyBytes_Check(packet->payload)) {
        PyErr_SetString(PyExc_TypeError, "a payload is bytes");
        return 0;
    }
    const Vp8 *vp8 = packet->vp8;
    long long end = PyBytes_GET_SIZE(packet->payload);
    if (vp8 && (vp8->picture_at < 0 || vp8->picture_at + vp8->picture_long >= end || vp8->tl0_at < 0 ||
                vp8->tl0_at >= end)) {
        PyErr_SetString(PyExc_IndexError, "a VP8 descriptor is longer than its payload");
        return 0;
    }
    return 1;
}

static PyObject *fan_out(PyObject *module, PyObject *const *args, Py_ssize_t count)
{
    (void)module;
    if (count != 4 || !PyList_Check(args[0]) || !Py_IS_TYPE(args[2], &PacketType)) {
        PyErr_SetString(PyExc_TypeError, "fan_out(exits: list, source, packet, now)");
        return NULL;
    }
    const Packet *packet = (Packet *)args[2];
    long long source = PyLong_AsLongLong(args[1]);
    double now = PyFloat_AsDouble(args[3]);
    if (PyErr_Occurred() || !is_whole(packet))
        return NULL;
    PyObject *left = PyList_New(0);
    int wrong = !left;
    for (Py_ssize_t place = 0; !wrong && place < PyList_GET_SIZE(args[0]); place++) {
        PyObject *pair = PyList_GET_ITEM(args[0], place);
        Py_INCREF(pair);
        wrong = fan_out_one(pair, place, source, packet, now, left) < 0;
        Py_DECREF(pair);
    }
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
    {"parse", parse, METH_O, NULL},
    {NULL, NULL, 0, NULL}};

static struct PyModuleDef definition = {
    PyModuleDef_HEAD_INIT,
    .m_name = "_compiled",
    .m_doc = "The sending plane in C; see engine.py.",
    .m_size = -1,
    .m_methods = functions,
};

PyMODINIT_FUNC PyInit__compiled(void)
{
    PyObject *module = PyModule_Create(&definition);
    if (!module)
        return NULL;
    if (PyModule_AddType(module, &CursorType) < 0 || PyModule_AddType(module, &FlightType) < 0 ||
        PyModule_AddType(module, &WireType) < 0 || PyModule_AddType(module, &SenderType) < 0 ||
        PyModule_AddType(module, &DoorType) < 0 || PyModule_AddType(module, &Vp8Type) < 0 ||
        PyModule_AddType(module, &PacketType) < 0 || PyModule_AddType(module, &RateMeterType) < 0 ||
        PyModule_AddType(module, &IntakeType) < 0 || PyModule_AddType(module, &HeaderType) < 0)
        Py_CLEAR(module);
    return module;
}
