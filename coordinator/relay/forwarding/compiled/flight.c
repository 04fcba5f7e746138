/* Packets on their way to one subscriber: see ../flight.py. */

#include "plane.h"

#include <math.h>
#include <string.h>

enum { MAX_REPORTED = 2048 };
static const double SMOOTHING = 0.1, LONG_QUEUE_S = 0.03, TICK_S = 0.00025;
static const double RISE_S = 0.03, RISEN_S = 0.1;

long long flight_note(Flight *self, size_t size, double now)
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

static void flight_report(Flight *self, unsigned wire, int received, double arrival)
{
    long long ahead = (int16_t)(uint16_t)(wire - (unsigned)self->number);
    long long number = self->number + ahead;
    Sent *slot = &self->sent[number & (KEPT - 1)];
    uint32_t size = slot->size;
    if (!size || slot->number != (uint32_t)number)
        return;
    slot->size = 0;
    self->size += size;
    if (!received) {
        self->lost++;
        return;
    }
    Arrival *note = &self->arrived[self->arrivals++ & (ARRIVALS_KEPT - 1)];
    note->at = arrival;
    note->size = size;
    flight_delay(self, arrival - slot->at, arrival);
    if (!self->came++ || self->latest_queue_s < self->standing)
        self->standing = self->latest_queue_s;
    if (!self->heard++ || self->latest_queue_s < self->late)
        self->late = self->latest_queue_s;
}

/* A message was taken in; what the alarm raises is no fault of who sent it. */
static void flight_told(Flight *self)
{
    self->told++;
    if (self->heard) {
        self->rises = self->late >= self->late_before + RISE_S ? self->rises + 1 : 0;
        self->rising = self->rises > 1 && self->late > RISEN_S;
        self->late_before = self->late;
        self->heard = 0;
    }
    int calm = !self->lost && !self->rising && self->queue_s <= LONG_QUEUE_S;
    if (!self->alarm || self->alarm == Py_None || calm)
        return;
    python_calls++;
    PyObject *alarm = Py_NewRef(self->alarm), *answer = PyObject_CallNoArgs(alarm);
    if (!answer)
        PyErr_WriteUnraisable(alarm);
    Py_XDECREF(answer);
    Py_DECREF(alarm);
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
            flight_report(self, (unsigned)wire, arrival != Py_None, at);
        Py_DECREF(report);
        if (PyErr_Occurred())
            break;
    }
    Py_DECREF(walk);
    if (PyErr_Occurred())
        return NULL;
    flight_told(self);
    Py_RETURN_NONE;
}

static PyObject *flight_outcome(Flight *self, PyObject *nothing)
{
    (void)nothing;
    PyObject *found = Py_BuildValue("LLL", self->came, self->lost, self->size);
    self->standing_s = self->came ? self->standing : 0.0;
    self->told = self->came = self->lost = self->size = 0;
    return found;
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

const char *flight_hear(Flight *self, const unsigned char *body, Py_ssize_t size)
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
        flight_report(self, base + index, statuses[index] == 1 || statuses[index] == 2, arrivals[index]);
    flight_told(self);
    return NULL;
}

static PyObject *flight_read(Flight *self, PyObject *body)
{
    Py_buffer view;
    if (PyObject_GetBuffer(body, &view, PyBUF_SIMPLE) < 0)
        return NULL;
    const char *wrong = flight_hear(self, view.buf, view.len);
    PyBuffer_Release(&view);
    if (wrong) {
        PyErr_SetString(PyExc_ValueError, wrong);
        return NULL;
    }
    Py_RETURN_NONE;
}

static PyObject *flight_arrived_bps(Flight *self, PyObject *within)
{
    double within_s = PyFloat_AsDouble(within);
    if (PyErr_Occurred())
        return NULL;
    if (!self->arrivals)
        return PyFloat_FromDouble(0.0);
    uint32_t kept = self->arrivals < ARRIVALS_KEPT ? self->arrivals : ARRIVALS_KEPT;
    double newest = self->arrived[(self->arrivals - 1) & (ARRIVALS_KEPT - 1)].at, oldest = newest;
    long long total = 0;
    for (uint32_t back = 1; back <= kept; back++) {
        const Arrival *note = &self->arrived[(self->arrivals - back) & (ARRIVALS_KEPT - 1)];
        if (newest - note->at > within_s)
            break;
        total += note->size;
        if (note->at < oldest)
            oldest = note->at;
    }
    double span = newest - oldest > 0.1 ? newest - oldest : 0.1;
    return PyFloat_FromDouble((double)(8 * total) / span);
}

static int flight_traverse(Flight *self, visitproc visit, void *arg)
{
    Py_VISIT(self->alarm);
    return 0;
}

static int flight_clear(Flight *self)
{
    Py_CLEAR(self->alarm);
    return 0;
}

static void flight_dealloc(Flight *self)
{
    PyObject_GC_UnTrack(self);
    flight_clear(self);
    Py_TYPE(self)->tp_free((PyObject *)self);
}

static PyMemberDef flight_members[] = {
    {"alarm", T_OBJECT, offsetof(Flight, alarm), 0, NULL},
    {"number", T_LONGLONG, offsetof(Flight, number), 0, NULL},
    {"sent_bytes", T_LONGLONG, offsetof(Flight, sent_bytes), 0, NULL},
    {"queue_s", T_DOUBLE, offsetof(Flight, queue_s), 0, NULL},
    {"latest_queue_s", T_DOUBLE, offsetof(Flight, latest_queue_s), 0, NULL},
    {"standing_s", T_DOUBLE, offsetof(Flight, standing_s), 0, NULL},
    {"rising", T_BOOL, offsetof(Flight, rising), 0, NULL},
    {"told", T_LONGLONG, offsetof(Flight, told), 0, NULL},
    {"lost", T_LONGLONG, offsetof(Flight, lost), 0, NULL},
    {NULL, 0, 0, 0, NULL}};

static PyMethodDef flight_methods[] = {
    {"sent", (PyCFunction)(void (*)(void))flight_sent, METH_FASTCALL, NULL},
    {"take", (PyCFunction)flight_take, METH_O, NULL},
    {"read", (PyCFunction)flight_read, METH_O, NULL},
    {"outcome", (PyCFunction)flight_outcome, METH_NOARGS, NULL},
    {"arrived_bps", (PyCFunction)flight_arrived_bps, METH_O, NULL},
    {NULL, NULL, 0, NULL}};

PyTypeObject FlightType = {
    PyVarObject_HEAD_INIT(NULL, 0).tp_name = TYPE_NAME("Flight"),
    .tp_basicsize = sizeof(Flight),
    .tp_flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC,
    .tp_doc = "See flight.Flight.",
    .tp_new = PyType_GenericNew,
    .tp_dealloc = (destructor)flight_dealloc,
    .tp_traverse = (traverseproc)flight_traverse,
    .tp_clear = (inquiry)flight_clear,
    .tp_members = flight_members,
    .tp_methods = flight_methods,
};
