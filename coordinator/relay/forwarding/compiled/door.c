/* A peer's way in: see ../../door.py and ../../udp_mux.py. */

#include "plane.h"

#include <string.h>
#include <time.h>

typedef struct {
    PyObject_HEAD
    PyObject *on_rtp, *on_rtcp, *on_dtls, *on_fault;
    double left, burst, per_s, filled_at, heard_at;
    long long refused;
    void *session; /* NULL while shut */
    srtp_function unprotect, unprotect_rtcp;
    PyObject *owner;
} Door;

unsigned long long python_calls;

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
    self->unprotect = (srtp_function)(uintptr_t)unprotect;
    self->unprotect_rtcp = (srtp_function)(uintptr_t)unprotect_rtcp;
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
    python_calls++;
    Py_INCREF(taker);
    answer = PyObject_CallOneArg(taker, whole);
    Py_DECREF(taker);
    Py_DECREF(whole);
    Py_XDECREF(answer);
    return answer ? 0 : door_fault(self);
}

int door_take_datagram(PyObject *door, unsigned char *data, size_t size)
{
    Door *self = (Door *)door;
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
    if (size <= BUFFER_BYTES && door_take_datagram((PyObject *)self, buffer.bytes, size) < 0)
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

PyTypeObject DoorType = {
    PyVarObject_HEAD_INIT(NULL, 0).tp_name = TYPE_NAME("Door"),
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
