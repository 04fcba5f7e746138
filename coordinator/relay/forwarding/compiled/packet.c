/* Incoming packets and how many there are: see ../history.py, ../codecs.py and ../intake.py. */

#include "plane.h"

static PyMemberDef vp8_members[] = {
    {"keyframe", T_BOOL, offsetof(Vp8, keyframe), 0, NULL},
    {"starts", T_BOOL, offsetof(Vp8, starts), 0, NULL},
    {"picture_long", T_BOOL, offsetof(Vp8, picture_long), 0, NULL},
    {"picture_at", T_LONGLONG, offsetof(Vp8, picture_at), 0, NULL},
    {"picture_id", T_LONGLONG, offsetof(Vp8, picture_id), 0, NULL},
    {"tl0_at", T_LONGLONG, offsetof(Vp8, tl0_at), 0, NULL},
    {"tl0", T_LONGLONG, offsetof(Vp8, tl0), 0, NULL},
    {NULL, 0, 0, 0, NULL}};

PyTypeObject Vp8Type = {
    PyVarObject_HEAD_INIT(NULL, 0).tp_name = TYPE_NAME("Vp8"),
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

Vp8 *new_vp8(const unsigned char *payload, Py_ssize_t size, int *wrong)
{
    Vp8 *found = (Vp8 *)Vp8Type.tp_alloc(&Vp8Type, 0);
    *wrong = !found;
    if (found && !read_vp8(payload, size, found))
        Py_CLEAR(found);
    return found;
}

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

PyTypeObject PacketType = {
    PyVarObject_HEAD_INIT(NULL, 0).tp_name = TYPE_NAME("Packet"),
    .tp_basicsize = sizeof(Packet),
    .tp_flags = Py_TPFLAGS_DEFAULT,
    .tp_doc = "See history.Packet.",
    .tp_new = PyType_GenericNew,
    .tp_dealloc = (destructor)packet_dealloc,
    .tp_members = packet_members,
    .tp_getset = packet_computed,
};

void rate_count(RateMeter *self, long long size, double now)
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

PyTypeObject RateMeterType = {
    PyVarObject_HEAD_INIT(NULL, 0).tp_name = TYPE_NAME("RateMeter"),
    .tp_basicsize = sizeof(RateMeter),
    .tp_flags = Py_TPFLAGS_DEFAULT,
    .tp_doc = "See intake.RateMeter.",
    .tp_new = PyType_GenericNew,
    .tp_methods = rate_methods,
};
