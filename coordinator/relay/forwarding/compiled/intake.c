/* Reception in its usual course: see ../intake.py. */

#include "plane.h"

#include <math.h>
#include <string.h>

enum { MAX_JITTER_S = 10, ACTIVE_LEVEL = 35 };

static int intake_init(Intake *self, PyObject *args, PyObject *kwargs)
{
    static char *names[] = {"codec", "clock_rate", "history", NULL};
    const char *codec;
    PyObject *history, *ring;
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
    return self->rate ? 0 : -1;
}

static void intake_count(Intake *self, long long size, int marker, double now)
{
    self->last_arrival = now;
    rate_count(self->rate, size, now);
    if (marker && size)
        self->frame_times[self->frames++ % FRAMES_KEPT] = now;
}

static PyObject *intake_frame_times(Intake *self, void *nothing)
{
    (void)nothing;
    unsigned kept = self->frames < FRAMES_KEPT ? self->frames : FRAMES_KEPT;
    PyObject *times = PyList_New(kept);
    for (unsigned place = 0; times && place < kept; place++) {
        PyObject *time = PyFloat_FromDouble(self->frame_times[(self->frames - kept + place) % FRAMES_KEPT]);
        if (time)
            PyList_SET_ITEM(times, place, time);
        else
            Py_CLEAR(times);
    }
    return times;
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

int intake_expects(const Intake *self, long long sequence, Py_ssize_t size)
{
    return self->top >= 0 && sequence == ((self->top + 1) & 0xFFFF) && size && (self->vp8 || self->opus);
}

Packet *intake_accept(Intake *self, PyObject *payload, long long timestamp, int marker, double now)
{
    Packet *packet = intake_packet(self, payload);
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
    intake_count(self, PyBytes_GET_SIZE(payload), marker, now);
    if (PyList_SetItem(self->ring, place, (PyObject *)packet) < 0)
        Py_CLEAR(packet);
    return packet;
}

void intake_level(Intake *self, unsigned level)
{
    level &= 0x7F;
    self->levels++;
    if (level <= ACTIVE_LEVEL) {
        self->loud++;
        self->loudness += level;
    }
}

static PyObject *intake_note_level(Intake *self, PyObject *level)
{
    long long value = PyLong_AsLongLong(level);
    if (PyErr_Occurred())
        return NULL;
    intake_level(self, (unsigned)value);
    Py_RETURN_NONE;
}

static PyObject *intake_next(Intake *self, PyObject *const *args, Py_ssize_t count)
{
    if (count != 5 || !PyBytes_Check(args[3])) {
        PyErr_SetString(PyExc_TypeError, "next(sequence, timestamp, marker, payload, now)");
        return NULL;
    }
    long long sequence = PyLong_AsLongLong(args[0]), timestamp = PyLong_AsLongLong(args[1]);
    int marker = PyObject_IsTrue(args[2]) == 1;
    double now = PyFloat_AsDouble(args[4]);
    if (PyErr_Occurred())
        return NULL;
    if (!intake_expects(self, sequence, PyBytes_GET_SIZE(args[3])))
        Py_RETURN_NONE;
    return (PyObject *)intake_accept(self, args[3], timestamp, marker, now);
}

static PyObject *intake_note(Intake *self, PyObject *args)
{
    long long size;
    int marker;
    double now;
    if (!PyArg_ParseTuple(args, "Lpd", &size, &marker, &now))
        return NULL;
    intake_count(self, size, marker, now);
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
    Py_TYPE(self)->tp_free((PyObject *)self);
}

static PyMemberDef intake_members[] = {
    {"top", T_LONGLONG, offsetof(Intake, top), 0, NULL},
    {"removed", T_LONGLONG, offsetof(Intake, removed), 0, NULL},
    {"received", T_LONGLONG, offsetof(Intake, received), 0, NULL},
    {"levels", T_LONGLONG, offsetof(Intake, levels), 0, NULL},
    {"loud", T_LONGLONG, offsetof(Intake, loud), 0, NULL},
    {"loudness", T_LONGLONG, offsetof(Intake, loudness), 0, NULL},
    {"last_arrival", T_DOUBLE, offsetof(Intake, last_arrival), 0, NULL},
    {"jitter", T_DOUBLE, offsetof(Intake, jitter), 0, NULL},
    {"transit", T_DOUBLE, offsetof(Intake, transit), 0, NULL},
    {"timed", T_BOOL, offsetof(Intake, timed), 0, NULL},
    {"rate", T_OBJECT_EX, offsetof(Intake, rate), READONLY, NULL},
    {NULL, 0, 0, 0, NULL}};

static PyGetSetDef intake_computed[] = {
    {"frame_times", (getter)intake_frame_times, NULL, NULL, NULL}, {NULL, NULL, NULL, NULL, NULL}};

static PyMethodDef intake_methods[] = {
    {"next", (PyCFunction)(void (*)(void))intake_next, METH_FASTCALL, NULL},
    {"note", (PyCFunction)intake_note, METH_VARARGS, NULL},
    {"note_level", (PyCFunction)intake_note_level, METH_O, NULL},
    {"note_jitter", (PyCFunction)intake_note_jitter, METH_VARARGS, NULL},
    {NULL, NULL, 0, NULL}};

PyTypeObject IntakeType = {
    PyVarObject_HEAD_INIT(NULL, 0).tp_name = TYPE_NAME("Intake"),
    .tp_basicsize = sizeof(Intake),
    .tp_flags = Py_TPFLAGS_DEFAULT,
    .tp_doc = "See intake.Intake.",
    .tp_new = PyType_GenericNew,
    .tp_init = (initproc)intake_init,
    .tp_dealloc = (destructor)intake_dealloc,
    .tp_members = intake_members,
    .tp_getset = intake_computed,
    .tp_methods = intake_methods,
};
