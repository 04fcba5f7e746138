/* When numbered packets came from a publisher, and the feedback that says so: see ../twcc.py. */

#include "plane.h"

#include <math.h>
#include <string.h>

enum { MAX_STATUSES = 600, REFERENCE_TICKS = 256, NOT_RECEIVED = 0, SMALL = 1, LARGE = 2, LONG_RUN = 7, OWN_SSRC = 1 };
enum { MAX_BODY = 8 + 4 * MAX_STATUSES };
static const double TICK_S = 0.00025, NEVER = -1.0, INTERVAL_S = 0.1, SPARSE_INTERVAL_S = 0.25, SPARSE = 10;

static void recorder_forget(Recorder *self)
{
    for (int place = 0; place < SPAN; place++)
        self->at[place] = NEVER;
    self->held = 0;
}

void recorder_note(Recorder *self, unsigned sequence, double now)
{
    if (self->newest < 0) {
        recorder_forget(self);
        self->newest = self->next = sequence;
    }
    long long number = self->newest + (int16_t)(uint16_t)(sequence - (unsigned)self->newest);
    if (number - self->newest > MAX_STATUSES || number - self->next >= SPAN) {
        recorder_forget(self);
        self->next = number;
    }
    if (number >= self->next) {
        double *at = &self->at[number & (SPAN - 1)];
        self->held += *at < 0;
        *at = now;
    }
    if (number > self->newest)
        self->newest = number;
}

static PyObject *recorder_arrived(Recorder *self, PyObject *const *args, Py_ssize_t count)
{
    if (count != 2) {
        PyErr_SetString(PyExc_TypeError, "arrived(sequence, now)");
        return NULL;
    }
    long long sequence = PyLong_AsLongLong(args[0]);
    double now = PyFloat_AsDouble(args[1]);
    if (PyErr_Occurred())
        return NULL;
    recorder_note(self, (unsigned)sequence & 0xFFFF, now);
    Py_RETURN_NONE;
}

/* Write statuses in chunks: runs where seven or more are alike, else vectors of two bits. */
static unsigned char *put_chunks(unsigned char *to, const unsigned char *statuses, int count)
{
    int at = 0;
    while (at < count) {
        int run = 1;
        while (at + run < count && statuses[at + run] == statuses[at])
            run++;
        if (run >= LONG_RUN || at + run == count) {
            to = put_two(to, (unsigned)(statuses[at] << 13 | run));
            at += run;
            continue;
        }
        unsigned word = 0xC000;
        for (int offset = 0; offset < 7 && at + offset < count; offset++)
            word |= (unsigned)statuses[at + offset] << (12 - 2 * offset);
        to = put_two(to, word);
        at += 7;
    }
    return to;
}

/* Write the feedback on everything since the last time; returns its size, 0 when nothing came. */
static Py_ssize_t write_feedback(Recorder *self, unsigned char *body)
{
    static unsigned char statuses[MAX_STATUSES], deltas[2 * MAX_STATUSES];
    if (!self->held)
        return 0;
    long long base = self->next, last = self->newest, reference = -1, ticks = 0;
    if (last > base + MAX_STATUSES - 1)
        last = base + MAX_STATUSES - 1;
    int count = (int)(last - base + 1);
    unsigned char *delta = deltas;
    for (int index = 0; index < count; index++) {
        double *at = &self->at[(base + index) & (SPAN - 1)];
        statuses[index] = NOT_RECEIVED;
        if (*at < 0) {
            self->lost++;
            continue;
        }
        long long arrival = (long long)(*at / TICK_S);
        if (reference < 0) {
            reference = arrival / REFERENCE_TICKS;
            ticks = reference * REFERENCE_TICKS;
        }
        long long step = arrival - ticks;
        step = step < -32768 ? -32768 : step > 32767 ? 32767 : step;
        ticks += step;
        statuses[index] = step >= 0 && step <= 255 ? SMALL : LARGE;
        if (statuses[index] == SMALL)
            *delta++ = (unsigned char)step;
        else
            delta = put_two(delta, (unsigned)step & 0xFFFF);
        *at = NEVER;
        self->held--;
    }
    self->next = last + 1;
    self->reported += count;
    if (reference < 0)
        return 0;
    unsigned char *to = put_two(put_two(body, (unsigned)base & 0xFFFF), (unsigned)count);
    to = put_two(to, (unsigned)(reference >> 8) & 0xFFFF);
    to = put_two(to, ((unsigned)reference & 0xFF) << 8 | (self->messages++ & 0xFF));
    to = put_chunks(to, statuses, count);
    memcpy(to, deltas, (size_t)(delta - deltas));
    return to + (delta - deltas) - body;
}

static PyObject *recorder_feedback(Recorder *self, PyObject *nothing)
{
    (void)nothing;
    static unsigned char body[MAX_BODY];
    Py_ssize_t size = write_feedback(self, body);
    if (!size)
        Py_RETURN_NONE;
    return PyBytes_FromStringAndSize((const char *)body, size);
}

/* See rtcp.transport_feedback for what is around the body. */
PyObject *recorder_packet(Recorder *self, uint32_t ssrc, double now)
{
    static unsigned char packet[12 + MAX_BODY + 4];
    if (!self->held)
        return PyBytes_FromStringAndSize(NULL, 0);
    int sparse = self->held * INTERVAL_S < SPARSE * (now - self->told_at);
    double interval_s = sparse ? SPARSE_INTERVAL_S : INTERVAL_S;
    self->told_at = now;
    self->due_at = (floor(now / interval_s) + 1) * interval_s;
    Py_ssize_t size = write_feedback(self, packet + 12), padding = -size & 3;
    if (!size)
        return PyBytes_FromStringAndSize(NULL, 0);
    memset(packet + 12 + size, 0, (size_t)padding);
    size += 12 + padding;
    packet[0] = padding ? 0xA0 | 15 : 0x80 | 15;
    packet[1] = 205;
    put_two(packet + 2, (unsigned)(size / 4 - 1));
    put_two(put_two(packet + 4, 0), OWN_SSRC);
    put_two(put_two(packet + 8, ssrc >> 16), ssrc & 0xFFFF);
    if (padding)
        packet[size - 1] = (unsigned char)padding;
    return PyBytes_FromStringAndSize((const char *)packet, size);
}

static PyObject *recorder_packet_of(Recorder *self, PyObject *const *args, Py_ssize_t count)
{
    if (count != 2) {
        PyErr_SetString(PyExc_TypeError, "packet(ssrc, now)");
        return NULL;
    }
    unsigned long long ssrc = PyLong_AsUnsignedLongLong(args[0]);
    double now = PyFloat_AsDouble(args[1]);
    return PyErr_Occurred() ? NULL : recorder_packet(self, (uint32_t)ssrc, now);
}

static PyObject *recorder_take_loss(Recorder *self, PyObject *nothing)
{
    (void)nothing;
    double share = self->reported ? (double)self->lost / (double)self->reported : 0.0;
    self->reported = self->lost = 0;
    return PyFloat_FromDouble(share);
}

static int recorder_init(Recorder *self, PyObject *args, PyObject *kwargs)
{
    if (!PyArg_ParseTuple(args, "") || (kwargs && PyDict_Size(kwargs)))
        return -1;
    self->newest = -1;
    return 0;
}

static Py_ssize_t recorder_length(Recorder *self)
{
    return self->held;
}

static PyMemberDef recorder_members[] = {
    {"reported", T_LONGLONG, offsetof(Recorder, reported), READONLY, NULL},
    {"due_at", T_DOUBLE, offsetof(Recorder, due_at), 0, NULL},
    {NULL, 0, 0, 0, NULL}};

static PyMethodDef recorder_methods[] = {
    {"arrived", (PyCFunction)(void (*)(void))recorder_arrived, METH_FASTCALL, NULL},
    {"feedback", (PyCFunction)recorder_feedback, METH_NOARGS, NULL},
    {"packet", (PyCFunction)(void (*)(void))recorder_packet_of, METH_FASTCALL, NULL},
    {"take_loss", (PyCFunction)recorder_take_loss, METH_NOARGS, NULL},
    {NULL, NULL, 0, NULL}};

static PySequenceMethods recorder_sequence = {.sq_length = (lenfunc)recorder_length};

PyTypeObject RecorderType = {
    PyVarObject_HEAD_INIT(NULL, 0).tp_name = TYPE_NAME("Recorder"),
    .tp_basicsize = sizeof(Recorder),
    .tp_flags = Py_TPFLAGS_DEFAULT,
    .tp_doc = "See twcc.Recorder.",
    .tp_new = PyType_GenericNew,
    .tp_init = (initproc)recorder_init,
    .tp_as_sequence = &recorder_sequence,
    .tp_members = recorder_members,
    .tp_methods = recorder_methods,
};
