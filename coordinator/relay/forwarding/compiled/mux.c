/* The doors by address, and a socket emptied through them: see ../../doors.py. */

#include "plane.h"

#include <string.h>

enum { BATCH = 32, READS_PER_WAKE = 64, SEEN_BITS = 8 };

/* An IPv4 address and port, and its Door (borrowed of the dict). */
typedef struct {
    uint64_t key; /* 0 = none */
    PyObject *door;
} Seen;

typedef struct {
    PyObject_HEAD
    PyObject *stranger;
    PyObject *by_address; /* a dict: what key_of says of an address → its Door */
    long long received, dropped;
    Seen seen[1 << SEEN_BITS]; /* what was found there lately; forgotten with every change of it */
} Doors;

static void forget_seen(Doors *self)
{
    memset(self->seen, 0, sizeof self->seen);
}

static int doors_init(Doors *self, PyObject *args, PyObject *kwargs)
{
    static char *names[] = {"stranger", NULL};
    PyObject *stranger;
    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "O", names, &stranger))
        return -1;
    Py_INCREF(stranger);
    Py_XSETREF(self->stranger, stranger);
    Py_XSETREF(self->by_address, PyDict_New());
    return self->by_address ? 0 : -1;
}

/* All that tells an address from others, in the order of the wire. */
static PyObject *key_of(const struct sockaddr_storage *address)
{
    char key[sizeof(struct in6_addr) + 10];
    if (address->ss_family == AF_INET6) {
        const struct sockaddr_in6 *six = (const struct sockaddr_in6 *)address;
        memcpy(key, &six->sin6_port, 2);
        memcpy(key + 2, &six->sin6_flowinfo, 4);
        memcpy(key + 6, &six->sin6_scope_id, 4);
        memcpy(key + 10, &six->sin6_addr, sizeof six->sin6_addr);
        return PyBytes_FromStringAndSize(key, sizeof key);
    }
    const struct sockaddr_in *four = (const struct sockaddr_in *)address;
    memcpy(key, &four->sin_port, 2);
    memcpy(key + 2, &four->sin_addr, 4);
    return PyBytes_FromStringAndSize(key, 6);
}

/* The key of an address as the socket module gives it. */
static PyObject *key_from(PyObject *address)
{
    struct sockaddr_storage found;
    socklen_t size;
    if (read_address(address, &found, &size))
        return key_of(&found);
    PyErr_Format(PyExc_ValueError, "%R is not the address of a socket", address);
    return NULL;
}

static PyObject *doors_admit(Doors *self, PyObject *args)
{
    PyObject *address, *door, *key;
    if (!PyArg_ParseTuple(args, "OO!", &address, &DoorType, &door) || !(key = key_from(address)))
        return NULL;
    forget_seen(self);
    int wrong = PyDict_SetItem(self->by_address, key, door);
    Py_DECREF(key);
    if (wrong)
        return NULL;
    Py_RETURN_NONE;
}

static PyObject *doors_expel(Doors *self, PyObject *args)
{
    PyObject *address, *door, *key;
    if (!PyArg_ParseTuple(args, "OO", &address, &door) || !(key = key_from(address)))
        return NULL;
    forget_seen(self);
    PyObject *there = PyDict_GetItemWithError(self->by_address, key);
    int wrong = there == door ? PyDict_DelItem(self->by_address, key) : PyErr_Occurred() ? -1 : 0;
    Py_DECREF(key);
    if (wrong)
        return NULL;
    Py_RETURN_NONE;
}

static PyObject *doors_get(Doors *self, PyObject *address)
{
    PyObject *key = key_from(address);
    if (!key)
        return NULL;
    PyObject *door = PyDict_GetItemWithError(self->by_address, key);
    Py_DECREF(key);
    if (!door && PyErr_Occurred())
        return NULL;
    return Py_NewRef(door ? door : Py_None);
}

static PyObject *doors_clear_all(Doors *self, PyObject *nothing)
{
    (void)nothing;
    forget_seen(self);
    PyDict_Clear(self->by_address);
    Py_RETURN_NONE;
}

static Py_ssize_t doors_length(Doors *self)
{
    return PyDict_GET_SIZE(self->by_address);
}

static int call_stranger(Doors *self, const unsigned char *data, size_t size, const struct sockaddr_storage *from)
{
    PyObject *address = write_address(from), *answer;
    if (!address)
        return -1;
    python_calls++;
    answer = PyObject_CallFunction(self->stranger, "y#O", (const char *)data, (Py_ssize_t)size, address);
    Py_DECREF(address);
    Py_XDECREF(answer);
    return answer ? 0 : -1;
}

/* Where an address is remembered, and as what; NULL where it is not: only IPv4 is. */
static Seen *place_of(Doors *self, const struct sockaddr_storage *from, uint64_t *key)
{
    const struct sockaddr_in *four = (const struct sockaddr_in *)from;
    if (from->ss_family != AF_INET)
        return NULL;
    *key = 1ULL << 63 | (uint64_t)four->sin_port << 32 | four->sin_addr.s_addr;
    return &self->seen[*key * 0x9E3779B97F4A7C15ULL >> (64 - SEEN_BITS)];
}

static PyObject *look_up(Doors *self, const struct sockaddr_storage *from)
{
    PyObject *key = key_of(from), *door;
    if (!key)
        return NULL;
    door = PyDict_GetItemWithError(self->by_address, key);
    Py_DECREF(key);
    return door;
}

/* The door of an address (borrowed); NULL where there is none, or with an error. */
static PyObject *door_of(Doors *self, const struct sockaddr_storage *from)
{
    uint64_t key;
    Seen *seen = place_of(self, from, &key);
    if (!seen)
        return look_up(self, from);
    if (seen->key != key) {
        PyObject *door = look_up(self, from);
        if (!door)
            return NULL;
        *seen = (Seen){key, door};
    }
    return seen->door;
}

/* Go on after an error, unless it is meant to stop all. */
static int go_on(Doors *self)
{
    if (PyErr_ExceptionMatches(PyExc_KeyboardInterrupt) || PyErr_ExceptionMatches(PyExc_SystemExit))
        return -1;
    python_calls++;
    PyErr_WriteUnraisable(self->stranger);
    return 0;
}

/* Let what the open door holds go on its way, and open another, or none. */
static int change_door(Doors *self, PyObject **open, PyObject *door)
{
    int wrong = 0;
    if (*open == door)
        return 0;
    Py_XINCREF(door); /* at once: Python code behind the open one may expel it */
    if (*open && door_settle(*open) < 0)
        wrong = go_on(self);
    Py_XSETREF(*open, door);
    return wrong;
}

/* Take what may be STUN, which the door of its address may answer. */
static int take_check(Doors *self, const unsigned char *data, size_t size, const struct sockaddr_storage *from)
{
    PyObject *door = Py_XNewRef(door_of(self, from));
    int answered = door ? door_check(door, data, size, from) : PyErr_Occurred() ? -1 : 0;
    Py_XDECREF(door);
    return answered ? answered : call_stranger(self, data, size, from);
}

static int take_one(Doors *self, PyObject **open, unsigned char *data, size_t size, const struct sockaddr_storage *from)
{
    if (!size)
        return 0;
    PyObject *door = data[0] < 4 ? NULL : door_of(self, from);
    if (PyErr_Occurred() || change_door(self, open, door) < 0)
        return -1;
    if (door)
        return door_hold(*open, data, size);
    if (data[0] < 4)
        return take_check(self, data, size, from);
    self->dropped++;
    return 0;
}

int doors_drain(PyObject *doors, int descriptor)
{
    static union {
        unsigned char bytes[BUFFER_BYTES];
        uint64_t aligned;
    } buffers[BATCH];
    static struct mmsghdr messages[BATCH];
    static struct iovec pieces[BATCH];
    static struct sockaddr_storage from[BATCH];
    Doors *self = (Doors *)doors;
    PyObject *open = NULL;
    int came = BATCH, wrong = 0;
    for (int taken = 0; came == BATCH && taken < READS_PER_WAKE; taken += came) {
        for (int index = 0; index < BATCH; index++) {
            pieces[index] = (struct iovec){buffers[index].bytes, BUFFER_BYTES};
            messages[index].msg_hdr = (struct msghdr){
                .msg_name = &from[index], .msg_namelen = sizeof from[index], .msg_iov = &pieces[index], .msg_iovlen = 1};
        }
        came = recvmmsg(descriptor, messages, BATCH, MSG_DONTWAIT, NULL);
        for (int index = 0; index < came && !wrong; index++) {
            self->received++;
            if (take_one(self, &open, buffers[index].bytes, messages[index].msg_len, &from[index]) < 0)
                wrong = go_on(self);
        }
        if (wrong)
            break;
    }
    if (wrong) {
        Py_CLEAR(open);
        return -1;
    }
    return change_door(self, &open, NULL);
}

static PyObject *doors_drain_socket(Doors *self, PyObject *sock)
{
    int descriptor = PyObject_AsFileDescriptor(sock);
    if (descriptor < 0 || doors_drain((PyObject *)self, descriptor) < 0)
        return NULL;
    Py_RETURN_NONE;
}

static int doors_traverse(Doors *self, visitproc visit, void *arg)
{
    Py_VISIT(self->stranger);
    Py_VISIT(self->by_address);
    return 0;
}

static int doors_clear(Doors *self)
{
    forget_seen(self);
    Py_CLEAR(self->stranger);
    Py_CLEAR(self->by_address);
    return 0;
}

static void doors_dealloc(Doors *self)
{
    PyObject_GC_UnTrack(self);
    doors_clear(self);
    Py_TYPE(self)->tp_free((PyObject *)self);
}

static PyMemberDef doors_members[] = {
    {"received", T_LONGLONG, offsetof(Doors, received), READONLY, NULL},
    {"dropped", T_LONGLONG, offsetof(Doors, dropped), 0, NULL},
    {NULL, 0, 0, 0, NULL}};

static PyMethodDef doors_methods[] = {
    {"admit", (PyCFunction)doors_admit, METH_VARARGS, NULL},
    {"expel", (PyCFunction)doors_expel, METH_VARARGS, NULL},
    {"get", (PyCFunction)doors_get, METH_O, NULL},
    {"clear", (PyCFunction)doors_clear_all, METH_NOARGS, NULL},
    {"drain", (PyCFunction)doors_drain_socket, METH_O, NULL},
    {NULL, NULL, 0, NULL}};

static PySequenceMethods doors_as_sequence = {.sq_length = (lenfunc)doors_length};

PyTypeObject DoorsType = {
    PyVarObject_HEAD_INIT(NULL, 0).tp_name = TYPE_NAME("Doors"),
    .tp_basicsize = sizeof(Doors),
    .tp_flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC,
    .tp_doc = "See doors.PureDoors.",
    .tp_new = PyType_GenericNew,
    .tp_init = (initproc)doors_init,
    .tp_dealloc = (destructor)doors_dealloc,
    .tp_traverse = (traverseproc)doors_traverse,
    .tp_clear = (inquiry)doors_clear,
    .tp_as_sequence = &doors_as_sequence,
    .tp_members = doors_members,
    .tp_methods = doors_methods,
};
