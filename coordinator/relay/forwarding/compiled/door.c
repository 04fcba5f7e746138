/* A peer's way in: see ../../door.py. */

#include "plane.h"

#include <string.h>

enum { MAX_LATER = 8 };

/* See ../../allowance.py. */
typedef struct {
    double left, burst, per_s, filled_at;
    long long refused;
} Allowance;

typedef struct {
    PyObject_HEAD
    PyObject *on_rtp, *on_rtcp, *on_dtls, *on_fault;
    Allowance packets, controls;
    double heard_at;
    PyObject *later;     /* a list of (packet, when it came) */
    Flight *flight;      /* may be NULL, as what follows */
    FastPath *fast_path;
    void *session;       /* NULL while shut */
    srtp_function unprotect, unprotect_rtcp;
    PyObject *owner;
    Checks checks;
} Door;

unsigned long long python_calls;

static int door_init(Door *self, PyObject *args, PyObject *kwargs)
{
    static char *names[] = {"behind", "packets", "controls", NULL};
    PyObject *behind;
    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "O(dd)(dd)", names, &behind, &self->packets.burst,
                                     &self->packets.per_s, &self->controls.burst, &self->controls.per_s))
        return -1;
    Py_XSETREF(self->on_rtp, PyObject_GetAttrString(behind, "on_rtp"));
    Py_XSETREF(self->on_rtcp, PyObject_GetAttrString(behind, "on_rtcp"));
    Py_XSETREF(self->on_dtls, PyObject_GetAttrString(behind, "on_dtls"));
    Py_XSETREF(self->on_fault, PyObject_GetAttrString(behind, "on_fault"));
    self->packets.left = self->packets.burst;
    self->controls.left = self->controls.burst;
    self->packets.filled_at = self->controls.filled_at = self->heard_at = monotonic();
    Py_XSETREF(self->later, PyList_New(0));
    return self->on_rtp && self->on_rtcp && self->on_dtls && self->on_fault && self->later ? 0 : -1;
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

static int allows(Allowance *self)
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
    python_calls++;
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

/* The body of a packet that is transport feedback alone (see rtcp.only_feedback), or NULL. */
static const unsigned char *only_feedback(const unsigned char *data, Py_ssize_t size, Py_ssize_t *body_size)
{
    int padded = data[0] & 0x20;
    if (size < 20 || (data[0] & 0xDF) != (0x80 | 15) || data[1] != 205)
        return NULL;
    Py_ssize_t end = size - (padded ? data[size - 1] : 0);
    *body_size = end - 12;
    return size == 4 + 4 * (Py_ssize_t)two_bytes(data + 2) && end >= 20 ? data + 12 : NULL;
}

/* See rtcp.only_good_reports. */
static int only_good_reports(const unsigned char *data, Py_ssize_t size)
{
    Py_ssize_t at = 0;
    while (at + 4 <= size) {
        const unsigned char *part = data + at;
        Py_ssize_t length = 4 + 4 * (Py_ssize_t)two_bytes(part + 2);
        int blocks = part[1] == 202 ? 0 : part[0] & 0x1F, start = part[1] == 200 ? 28 : 8;
        if ((part[0] & 0xE0) != 0x80 || at + length > size || part[1] < 200 || part[1] > 202 ||
            (blocks && start + 24 * blocks > length))
            return 0;
        for (int block = 0; block < blocks; block++)
            if (part[start + 24 * block + 4])
                return 0;
        at += length;
    }
    return at == size && at > 0;
}

static int door_keep(Door *self, const unsigned char *data, size_t size)
{
    PyObject *pair = Py_BuildValue("(y#d)", (const char *)data, (Py_ssize_t)size, self->heard_at);
    int wrong = pair ? PyList_Append(self->later, pair) : -1;
    Py_XDECREF(pair);
    return wrong;
}

static PyObject *door_take_later(Door *self, PyObject *nothing)
{
    (void)nothing;
    PyObject *later = self->later, *fresh = PyList_New(0);
    if (!fresh)
        return NULL;
    self->later = fresh;
    return later ? later : PyList_New(0);
}

int door_settle(PyObject *door)
{
    Door *self = (Door *)door;
    FastPath *fast_path = self->fast_path;
    if (!fast_path)
        return 0;
    Py_INCREF(fast_path);
    int wrong = fast_path_settle(fast_path) < 0;
    Py_DECREF(fast_path);
    return wrong ? door_fault(self) : 0;
}

static int door_take_rtcp(Door *self, const unsigned char *data, size_t size)
{
    Py_ssize_t body_size;
    const unsigned char *body = only_feedback(data, (Py_ssize_t)size, &body_size);
    if (!allows(&self->controls))
        return 0;
    if (self->flight && !body && PyList_GET_SIZE(self->later) < MAX_LATER &&
        only_good_reports(data, (Py_ssize_t)size))
        return door_keep(self, data, size);
    if (!body || !self->flight)
        return door_hand(self, self->on_rtcp, data, size);
    const char *wrong = flight_hear(self->flight, body, body_size);
    if (!wrong)
        return 0;
    PyErr_SetString(PyExc_ValueError, wrong);
    return door_fault(self);
}

static int door_take_rtp(Door *self, const unsigned char *data, size_t size)
{
    FastPath *fast_path = self->fast_path;
    if (!fast_path)
        return door_hand(self, self->on_rtp, data, size);
    Py_INCREF(fast_path);
    int taken = fast_path_hold(fast_path, data, size, self->heard_at);
    Py_DECREF(fast_path);
    if (taken)
        return taken < 0 ? door_fault(self) : 0;
    return door_settle((PyObject *)self) < 0 ? -1 : door_hand(self, self->on_rtp, data, size);
}

int door_hold(PyObject *door, unsigned char *data, size_t size)
{
    Door *self = (Door *)door;
    int length = (int)size;
    if (!size || !allows(&self->packets))
        return 0;
    if (data[0] > 19 && data[0] < 64)
        return door_settle(door) < 0 ? -1 : door_hand(self, self->on_dtls, data, size);
    if (data[0] < 128 || data[0] > 191 || !self->session || size < 8)
        return 0;
    int control = data[1] >= 192 && data[1] <= 223; /* RFC 5761 §4 */
    if ((control ? self->unprotect_rtcp : self->unprotect)(self->session, data, &length))
        return 0;
    self->heard_at = monotonic();
    if (!control)
        return door_take_rtp(self, data, (size_t)length);
    return door_settle(door) < 0 ? -1 : door_take_rtcp(self, data, (size_t)length);
}

int door_check(PyObject *door, const unsigned char *data, size_t size, const struct sockaddr_storage *from)
{
    Door *self = (Door *)door;
    int answered = checks_answer(&self->checks, data, size, from);
    if (answered > 0)
        self->heard_at = monotonic();
    return answered;
}

static PyObject *door_answer_checks(Door *self, PyObject *args)
{
    if (checks_aim(&self->checks, args) < 0)
        return NULL;
    Py_RETURN_NONE;
}

static PyObject *door_leave_checks(Door *self, PyObject *nothing)
{
    (void)nothing;
    checks_release(&self->checks);
    Py_RETURN_NONE;
}

/* Take over an attribute that is None or of one type. */
static int replace(PyObject **held, PyObject *value, PyTypeObject *type)
{
    if (value && value != Py_None && !Py_IS_TYPE(value, type)) {
        PyErr_Format(PyExc_TypeError, "None or a %s is expected", type->tp_name);
        return -1;
    }
    Py_XSETREF(*held, value && value != Py_None ? Py_NewRef(value) : NULL);
    return 0;
}

static int door_set_flight(Door *self, PyObject *value, void *nothing)
{
    (void)nothing;
    return replace((PyObject **)&self->flight, value, &FlightType);
}

static int door_set_fast_path(Door *self, PyObject *value, void *nothing)
{
    (void)nothing;
    return replace((PyObject **)&self->fast_path, value, &FastPathType);
}

static PyObject *door_hold_bytes(Door *self, PyObject *data)
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
    if (size <= BUFFER_BYTES && door_hold((PyObject *)self, buffer.bytes, size) < 0)
        return NULL;
    Py_RETURN_NONE;
}

static PyObject *door_let_go(Door *self, PyObject *nothing)
{
    (void)nothing;
    if (door_settle((PyObject *)self) < 0)
        return NULL;
    Py_RETURN_NONE;
}

static PyObject *door_take(Door *self, PyObject *data)
{
    PyObject *done = door_hold_bytes(self, data);
    if (done && door_settle((PyObject *)self) < 0)
        Py_CLEAR(done);
    return done;
}

static int door_traverse(Door *self, visitproc visit, void *arg)
{
    Py_VISIT(self->on_rtp);
    Py_VISIT(self->on_rtcp);
    Py_VISIT(self->on_dtls);
    Py_VISIT(self->on_fault);
    Py_VISIT(self->later);
    Py_VISIT(self->flight);
    Py_VISIT(self->fast_path);
    Py_VISIT(self->owner);
    return 0;
}

static int door_clear(Door *self)
{
    self->session = NULL;
    checks_release(&self->checks);
    Py_CLEAR(self->on_rtp);
    Py_CLEAR(self->on_rtcp);
    Py_CLEAR(self->on_dtls);
    Py_CLEAR(self->on_fault);
    Py_CLEAR(self->later);
    Py_CLEAR(self->flight);
    Py_CLEAR(self->fast_path);
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
    {"refused", T_LONGLONG, offsetof(Door, packets.refused), READONLY, NULL},
    {NULL, 0, 0, 0, NULL}};

static PyGetSetDef door_attributes[] = {
    {"flight", NULL, (setter)door_set_flight, NULL, NULL},
    {"fast_path", NULL, (setter)door_set_fast_path, NULL, NULL},
    {NULL, NULL, NULL, NULL, NULL}};

static PyMethodDef door_methods[] = {
    {"open", (PyCFunction)door_open, METH_VARARGS, NULL},
    {"shut", (PyCFunction)door_shut, METH_NOARGS, NULL},
    {"answer_checks", (PyCFunction)door_answer_checks, METH_VARARGS, NULL},
    {"leave_checks", (PyCFunction)door_leave_checks, METH_NOARGS, NULL},
    {"take_later", (PyCFunction)door_take_later, METH_NOARGS, NULL},
    {"take", (PyCFunction)door_take, METH_O, NULL},
    {"hold", (PyCFunction)door_hold_bytes, METH_O, NULL},
    {"settle", (PyCFunction)door_let_go, METH_NOARGS, NULL},
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
    .tp_getset = door_attributes,
    .tp_methods = door_methods,
};
