/* The last steps of a packet to one subscriber: see ../sender.py. */

#include "plane.h"

#include <netinet/udp.h>
#include <string.h>

static int wire_init(Wire *self, PyObject *args, PyObject *kwargs)
{
    if (!PyArg_ParseTuple(args, "") || (kwargs && PyDict_Size(kwargs)))
        return -1;
    self->four = self->six = -1;
    return 0;
}

/* Whether the system cuts what is sent on a socket into datagrams (Linux, from 4.18). */
static int cuts(int descriptor)
{
#ifdef UDP_SEGMENT
    int none = 0;
    return descriptor >= 0 && setsockopt(descriptor, IPPROTO_UDP, UDP_SEGMENT, &none, sizeof none) == 0;
#else
    (void)descriptor;
    return 0;
#endif
}

/* Take over the descriptor of a socket, or none; returns -1 with an error. */
static int wire_descriptor(PyObject *sock, int *descriptor)
{
    *descriptor = sock == Py_None ? -1 : PyObject_AsFileDescriptor(sock);
    return *descriptor < 0 && PyErr_Occurred() ? -1 : 0;
}

static PyObject *wire_open(Wire *self, PyObject *args)
{
    PyObject *four, *six;
    if (!PyArg_ParseTuple(args, "OO", &four, &six) || wire_descriptor(four, &self->four) < 0 ||
        wire_descriptor(six, &self->six) < 0)
        return NULL;
    self->four_cuts = cuts(self->four);
    self->six_cuts = cuts(self->six);
    Py_RETURN_NONE;
}

static PyObject *wire_close(Wire *self, PyObject *nothing)
{
    (void)nothing;
    self->four = self->six = -1;
    Py_RETURN_NONE;
}

static PyMemberDef wire_members[] = {
    {"four", T_INT, offsetof(Wire, four), READONLY, NULL},
    {"six", T_INT, offsetof(Wire, six), READONLY, NULL},
    {"sent", T_LONGLONG, offsetof(Wire, sent), 0, NULL},
    {"refused", T_LONGLONG, offsetof(Wire, refused), 0, NULL},
    {NULL, 0, 0, 0, NULL}};

static PyMethodDef wire_methods[] = {
    {"open", (PyCFunction)wire_open, METH_VARARGS, NULL},
    {"close", (PyCFunction)wire_close, METH_NOARGS, NULL},
    {NULL, NULL, 0, NULL}};

PyTypeObject WireType = {
    PyVarObject_HEAD_INIT(NULL, 0).tp_name = TYPE_NAME("Wire"),
    .tp_basicsize = sizeof(Wire),
    .tp_flags = Py_TPFLAGS_DEFAULT,
    .tp_doc = "See sender.Wire.",
    .tp_new = PyType_GenericNew,
    .tp_init = (initproc)wire_init,
    .tp_members = wire_members,
    .tp_methods = wire_methods,
};

void wire_send(Wire *self, const unsigned char *data, size_t size, const struct sockaddr_storage *to, socklen_t to_size)
{
    int descriptor = to->ss_family == AF_INET6 ? self->six : self->four;
    if (descriptor < 0)
        return;
    if (sendto(descriptor, data, size, 0, (const struct sockaddr *)to, to_size) < 0)
        self->refused++;
    else
        self->sent++;
}

/* Send a burst in one call; returns whether that could be done. */
static int send_cut(Wire *self, struct iovec *datagrams, int count, struct sockaddr_storage *to, socklen_t to_size)
{
#ifdef UDP_SEGMENT
    int six = to->ss_family == AF_INET6, descriptor = six ? self->six : self->four;
    uint16_t size = (uint16_t)datagrams->iov_len;
    union {
        char bytes[CMSG_SPACE(sizeof size)];
        struct cmsghdr aligned;
    } control = {0};
    struct msghdr message = {.msg_name = to, .msg_namelen = to_size, .msg_iov = datagrams, .msg_iovlen = (size_t)count,
                             .msg_control = control.bytes, .msg_controllen = sizeof control.bytes};
    struct cmsghdr *cut = CMSG_FIRSTHDR(&message);
    if (!(six ? self->six_cuts : self->four_cuts))
        return 0;
    cut->cmsg_level = IPPROTO_UDP;
    cut->cmsg_type = UDP_SEGMENT;
    cut->cmsg_len = CMSG_LEN(sizeof size);
    memcpy(CMSG_DATA(cut), &size, sizeof size);
    if (sendmsg(descriptor, &message, 0) < 0)
        return 0;
    self->sent += count;
    return 1;
#else
    (void)self, (void)datagrams, (void)count, (void)to, (void)to_size;
    return 0;
#endif
}

void wire_send_burst(Wire *self, struct iovec *datagrams, int count, struct sockaddr_storage *to, socklen_t to_size)
{
    if (count > 1 && send_cut(self, datagrams, count, to, to_size))
        return;
    for (int index = 0; index < count; index++)
        wire_send(self, datagrams[index].iov_base, datagrams[index].iov_len, to, to_size);
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

static union {
    unsigned char bytes[BUFFER_BYTES];
    uint64_t aligned;
} buffers[MAX_BURST];

static long long number_packet(Sender *self, const Outgoing *out, double now)
{
    return self->counts ? flight_note(self->flight, out->size + PACKET_OVERHEAD, now) : 0;
}

static size_t size_of(const Sender *self, const Outgoing *out)
{
    return out->size + (self->element ? 20 : 12);
}

/* Write and encrypt a packet; returns its size then, 0 when it cannot be sent. */
static size_t seal(Sender *self, const Outgoing *out, long long number, double now, unsigned char *at)
{
    int length = (int)size_of(self, out);
    if (length > MAX_PLAIN_BYTES)
        return 0;
    write_packet(self, out, number, now, at);
    return self->protect(self->session, at, &length) ? 0 : (size_t)length;
}

int sender_emit_burst(Sender *self, const Outgoing *outs, const Held *burst, int count)
{
    struct iovec datagrams[MAX_BURST];
    int sealed = 0;
    for (int index = 0; index < count; index++) {
        if (!self->wire) { /* Python may have changed it */
            if (sender_emit(self, &outs[index], burst[index].now) < 0)
                return -1;
            continue;
        }
        double now = burst[index].now;
        unsigned char *at = buffers[sealed].bytes;
        size_t size = seal(self, &outs[index], number_packet(self, &outs[index], now), now, at);
        self->packets++;
        if (size)
            datagrams[sealed++] = (struct iovec){at, size};
    }
    if (sealed)
        wire_send_burst(self->wire, datagrams, sealed, &self->address, self->address_size);
    return 0;
}

int sender_emit(Sender *self, const Outgoing *out, double now)
{
    long long number = number_packet(self, out, now);
    if (self->wire) {
        size_t size = seal(self, out, number, now, buffers->bytes);
        if (size)
            wire_send(self->wire, buffers->bytes, size, &self->address, self->address_size);
    } else {
        PyObject *whole = PyBytes_FromStringAndSize(NULL, (Py_ssize_t)size_of(self, out)), *answer;
        if (!whole)
            return -1;
        write_packet(self, out, number, now, (unsigned char *)PyBytes_AS_STRING(whole));
        python_calls++;
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

static PyObject *sender_aim(Sender *self, PyObject *args)
{
    PyObject *wire, *address, *owner;
    unsigned long long session, protect;
    if (!PyArg_ParseTuple(args, "O!OKKO", &WireType, &wire, &address, &session, &protect, &owner))
        return NULL;
    Py_CLEAR(self->wire);
    if (!session || !protect || !read_address(address, &self->address, &self->address_size)) {
        Py_CLEAR(self->owner);
        Py_RETURN_FALSE;
    }
    self->session = (void *)(uintptr_t)session;
    self->protect = (srtp_function)(uintptr_t)protect;
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

PyTypeObject SenderType = {
    PyVarObject_HEAD_INIT(NULL, 0).tp_name = TYPE_NAME("Sender"),
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
