/* Whole packets to one peer: see ../../way_out.py. */

#include "plane.h"

#include <string.h>

typedef struct {
    PyObject_HEAD
    Wire *wire;
    PyObject *owner;
    void *session; /* NULL = there is no way */
    srtp_function protect, protect_rtcp;
    struct sockaddr_storage address;
    socklen_t address_size;
} WayOut;

static int way_out_init(WayOut *self, PyObject *args, PyObject *kwargs)
{
    static char *names[] = {"wire", "send", NULL};
    PyObject *wire, *send;
    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "O!O", names, &WireType, &wire, &send))
        return -1;
    Py_XSETREF(self->wire, (Wire *)Py_NewRef(wire));
    return 0;
}

static PyObject *way_out_release(WayOut *self, PyObject *nothing)
{
    (void)nothing;
    self->session = NULL;
    Py_CLEAR(self->owner);
    Py_RETURN_NONE;
}

static PyObject *way_out_aim(WayOut *self, PyObject *args)
{
    PyObject *address, *owner;
    unsigned long long session, protect, protect_rtcp;
    if (!PyArg_ParseTuple(args, "OKKKO", &address, &session, &protect, &protect_rtcp, &owner))
        return NULL;
    self->session = NULL;
    if (!read_address(address, &self->address, &self->address_size))
        Py_RETURN_NONE;
    self->protect = (srtp_function)(uintptr_t)protect;
    self->protect_rtcp = (srtp_function)(uintptr_t)protect_rtcp;
    self->session = (void *)(uintptr_t)session;
    Py_XSETREF(self->owner, Py_NewRef(owner));
    Py_RETURN_NONE;
}

static PyObject *way_out_send(WayOut *self, srtp_function protect, PyObject *data)
{
    static union {
        unsigned char bytes[BUFFER_BYTES];
        uint64_t aligned;
    } buffer;
    if (!PyBytes_Check(data)) {
        PyErr_SetString(PyExc_TypeError, "a packet is bytes");
        return NULL;
    }
    int length = (int)PyBytes_GET_SIZE(data);
    if (!self->session || PyBytes_GET_SIZE(data) > MAX_PLAIN_BYTES)
        Py_RETURN_NONE;
    memcpy(buffer.bytes, PyBytes_AS_STRING(data), (size_t)length);
    if (!protect(self->session, buffer.bytes, &length))
        wire_send(self->wire, buffer.bytes, (size_t)length, &self->address, self->address_size);
    Py_RETURN_NONE;
}

static PyObject *way_out_send_rtp(WayOut *self, PyObject *data)
{
    return way_out_send(self, self->protect, data);
}

static PyObject *way_out_send_rtcp(WayOut *self, PyObject *data)
{
    return way_out_send(self, self->protect_rtcp, data);
}

static int way_out_traverse(WayOut *self, visitproc visit, void *arg)
{
    Py_VISIT(self->owner);
    return 0;
}

static int way_out_clear(WayOut *self)
{
    self->session = NULL;
    Py_CLEAR(self->owner);
    return 0;
}

static void way_out_dealloc(WayOut *self)
{
    PyObject_GC_UnTrack(self);
    way_out_clear(self);
    Py_CLEAR(self->wire);
    Py_TYPE(self)->tp_free((PyObject *)self);
}

static PyMethodDef way_out_methods[] = {
    {"aim", (PyCFunction)way_out_aim, METH_VARARGS, NULL},
    {"release", (PyCFunction)way_out_release, METH_NOARGS, NULL},
    {"send_rtp", (PyCFunction)way_out_send_rtp, METH_O, NULL},
    {"send_rtcp", (PyCFunction)way_out_send_rtcp, METH_O, NULL},
    {NULL, NULL, 0, NULL}};

PyTypeObject WayOutType = {
    PyVarObject_HEAD_INIT(NULL, 0).tp_name = TYPE_NAME("WayOut"),
    .tp_basicsize = sizeof(WayOut),
    .tp_flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC,
    .tp_doc = "See way_out.PureWayOut.",
    .tp_new = PyType_GenericNew,
    .tp_init = (initproc)way_out_init,
    .tp_dealloc = (destructor)way_out_dealloc,
    .tp_traverse = (traverseproc)way_out_traverse,
    .tp_clear = (inquiry)way_out_clear,
    .tp_methods = way_out_methods,
};
