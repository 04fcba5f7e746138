/* From the door to all who get it, for packets in their usual course: what ../../uplink.py does with these, in C.

   A packet is of this path when its stream and payload type were put here, when it is the next of its stream, and when
   it is well formed. Nothing has been touched of one that is not: it goes to uplink.py whole. */

#include "plane.h"

#include <string.h>

enum { MAX_SOURCES = 256 };

typedef struct {
    uint32_t ssrc;
    uint64_t types[2]; /* a bit for each payload type */
    Intake *intake;
    PyObject *exits, *forward, *forward_left;
} Source;

struct FastPath {
    PyObject_HEAD
    Recorder *recorder;
    PyObject *send_rtcp;
    unsigned counted_id, level_id; /* of header extensions, 0 = none */
    long long received;
    int held; /* packets that wait, of the stream below; the first is as long as `held_size` */
    uint32_t held_ssrc;
    Py_ssize_t held_size;
    PyObject *held_exits, *held_left;
    Held burst[MAX_BURST];
    int count;
    Source sources[MAX_SOURCES];
};

static void source_clear(Source *source)
{
    Py_CLEAR(source->intake);
    Py_CLEAR(source->exits);
    Py_CLEAR(source->forward);
    Py_CLEAR(source->forward_left);
}

/* What is held stays. */
static void forget_all(FastPath *self)
{
    while (self->count)
        source_clear(&self->sources[--self->count]);
}

static int fast_path_clear(FastPath *self)
{
    Py_CLEAR(self->send_rtcp);
    forget_all(self);
    while (self->held) {
        self->held--;
        Py_CLEAR(self->burst[self->held].packet);
    }
    Py_CLEAR(self->held_exits);
    Py_CLEAR(self->held_left);
    return 0;
}

static Source *fast_path_source(FastPath *self, const Fields *fields)
{
    for (int place = 0; place < self->count; place++) {
        Source *source = &self->sources[place];
        if (source->ssrc == fields->ssrc)
            return source->types[fields->payload_type >> 6] >> (fields->payload_type & 63) & 1 ? source : NULL;
    }
    return NULL;
}

/* Note what a header extension says: when the packet came under which number, and how loud it is. */
static void fast_path_note(FastPath *self, const Fields *fields, const unsigned char *data, Intake *intake, double now)
{
    Element element;
    int number = -1, level = -1;
    for (element = first_element(fields, data); next_element(&element);) {
        if (element.id == self->counted_id)
            number = element.size >= 2 ? (int)two_bytes(element.value) : -1;
        if (element.id == self->level_id)
            level = element.size ? element.value[0] : -1;
    }
    if (number >= 0)
        recorder_note(self->recorder, (unsigned)number, now);
    if (level >= 0 && intake->opus)
        intake_level(intake, (unsigned)level);
}

static int call(PyObject *taker, PyObject *packet, PyObject *places, double now)
{
    PyObject *time = PyFloat_FromDouble(now), *answer = NULL;
    python_calls++;
    if (time && places)
        answer = PyObject_CallFunctionObjArgs(taker, packet, places, time, NULL);
    else if (time)
        answer = PyObject_CallFunctionObjArgs(taker, packet, time, NULL);
    Py_XDECREF(time);
    Py_XDECREF(answer);
    return answer ? 0 : -1;
}

/* Send feedback where it is due; what is not written in Python schedules nothing. */
static int answer(FastPath *self, uint32_t ssrc, double now)
{
    if (now < self->recorder->due_at || !self->recorder->held || !self->send_rtcp)
        return 0;
    PyObject *send_rtcp = self->send_rtcp, *done = NULL, *feedback = recorder_packet(self->recorder, ssrc, now);
    if (!feedback || !PyBytes_GET_SIZE(feedback)) {
        Py_XDECREF(feedback);
        return feedback ? 0 : -1;
    }
    python_calls += !PyCFunction_Check(send_rtcp);
    Py_INCREF(send_rtcp);
    done = PyObject_CallOneArg(send_rtcp, feedback);
    Py_DECREF(send_rtcp);
    Py_DECREF(feedback);
    Py_XDECREF(done);
    return done ? 0 : -1;
}

/* What is raised for one packet costs no other anything; the last fault is told. */
static int look_at_each(PyObject *forward_left, const Held *burst, int count, PyObject *left)
{
    PyObject *type = NULL, *value = NULL, *trace = NULL;
    for (int index = 0, stops = 0; index < count && !stops; index++) {
        if (call(forward_left, (PyObject *)burst[index].packet, left, burst[index].now) == 0)
            continue;
        stops = !PyErr_ExceptionMatches(PyExc_Exception);
        Py_XDECREF(type);
        Py_XDECREF(value);
        Py_XDECREF(trace);
        PyErr_Fetch(&type, &value, &trace);
    }
    if (!type)
        return 0;
    PyErr_Restore(type, value, trace);
    return -1;
}

int fast_path_settle(FastPath *self)
{
    Held burst[MAX_BURST];
    int count = self->held, wrong;
    if (!count)
        return 0;
    PyObject *left = NULL, *exits = self->held_exits, *forward_left = self->held_left;
    memcpy(burst, self->burst, (size_t)count * sizeof *burst);
    self->held = 0;
    self->held_exits = self->held_left = NULL;
    wrong = fan_out_held(exits, self->held_ssrc, burst, count, &left);
    if (!wrong && left)
        wrong = look_at_each(forward_left, burst, count, left);
    for (int index = 0; index < count; index++)
        Py_DECREF(burst[index].packet);
    Py_XDECREF(left);
    Py_DECREF(exits);
    Py_DECREF(forward_left);
    return wrong ? -1 : answer(self, self->held_ssrc, burst[count - 1].now);
}

/* Let a packet wait for those that may have come with it, of one size but the last; takes it over. It waits even where
   letting go of others fails, and Python code behind these may have ended the source. */
static int hold(FastPath *self, const Source *source, Packet *packet, Py_ssize_t size, double now)
{
    PyObject *exits = Py_NewRef(source->exits), *forward_left = Py_NewRef(source->forward_left);
    uint32_t ssrc = source->ssrc;
    int wrong = 0;
    if (self->held && (self->held_ssrc != ssrc || size > self->held_size || self->held == MAX_BURST))
        wrong = fast_path_settle(self);
    if (!self->held) {
        self->held_ssrc = ssrc;
        self->held_size = size;
        self->held_exits = exits;
        self->held_left = forward_left;
    } else {
        if (size < self->held_size)
            self->held_size = 0; /* nothing after it */
        Py_DECREF(exits);
        Py_DECREF(forward_left);
    }
    self->burst[self->held++] = (Held){packet, now};
    return wrong;
}

/* A keyframe of a picture may be what somebody waits for, which Python looks at for all. */
static int forward_keyframe(FastPath *self, const Source *source, Packet *packet, double now)
{
    PyObject *forward = Py_NewRef(source->forward), *type, *value, *trace;
    uint32_t ssrc = source->ssrc;
    int settled = fast_path_settle(self) == 0;
    PyErr_Fetch(&type, &value, &trace);
    int wrong = call(forward, (PyObject *)packet, NULL, now);
    if (!settled && !wrong) {
        PyErr_Restore(type, value, trace);
        wrong = -1;
    } else {
        Py_XDECREF(type);
        Py_XDECREF(value);
        Py_XDECREF(trace);
    }
    Py_DECREF(forward);
    Py_DECREF(packet);
    return wrong ? -1 : answer(self, ssrc, now);
}

int fast_path_hold(FastPath *self, const unsigned char *data, size_t size, double now)
{
    Fields fields;
    if (read_fields(&fields, data, (Py_ssize_t)size))
        return 0;
    Source *source = fast_path_source(self, &fields);
    Py_ssize_t left = (Py_ssize_t)(fields.payload_end - fields.payload_at);
    if (!source || !intake_expects(source->intake, fields.sequence, left))
        return 0;
    PyObject *payload = PyBytes_FromStringAndSize((const char *)data + fields.payload_at, left);
    if (!payload)
        return -1;
    self->received++;
    fast_path_note(self, &fields, data, source->intake, now);
    Packet *packet = intake_accept(source->intake, payload, fields.timestamp, fields.marker, now);
    Py_DECREF(payload);
    if (!packet)
        return -1;
    int wrong = packet->vp8 && packet->keyframe ? forward_keyframe(self, source, packet, now)
                                                : hold(self, source, packet, left, now);
    return wrong ? -1 : 1;
}

static PyObject *fast_path_hold_bytes(FastPath *self, PyObject *const *args, Py_ssize_t count)
{
    if (count != 2 || !PyBytes_Check(args[0])) {
        PyErr_SetString(PyExc_TypeError, "what is taken is bytes, and the time");
        return NULL;
    }
    double now = PyFloat_AsDouble(args[1]);
    if (PyErr_Occurred())
        return NULL;
    const unsigned char *data = (const unsigned char *)PyBytes_AS_STRING(args[0]);
    int taken = fast_path_hold(self, data, (size_t)PyBytes_GET_SIZE(args[0]), now);
    return taken < 0 ? NULL : PyBool_FromLong(taken);
}

static PyObject *fast_path_let_go(FastPath *self, PyObject *nothing)
{
    (void)nothing;
    if (fast_path_settle(self) < 0)
        return NULL;
    Py_RETURN_NONE;
}

static PyObject *fast_path_take(FastPath *self, PyObject *const *args, Py_ssize_t count)
{
    PyObject *taken = fast_path_hold_bytes(self, args, count);
    if (taken && fast_path_settle(self) < 0)
        Py_CLEAR(taken);
    return taken;
}

static int fast_path_init(FastPath *self, PyObject *args, PyObject *kwargs)
{
    static char *names[] = {"recorder", "send_rtcp", NULL};
    PyObject *recorder, *send_rtcp;
    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "O!O", names, &RecorderType, &recorder, &send_rtcp))
        return -1;
    Py_INCREF(send_rtcp);
    Py_XSETREF(self->send_rtcp, send_rtcp);
    Py_INCREF(recorder);
    Py_XSETREF(self->recorder, (Recorder *)recorder);
    return 0;
}

static PyObject *fast_path_configure(FastPath *self, PyObject *args)
{
    if (!PyArg_ParseTuple(args, "II", &self->counted_id, &self->level_id))
        return NULL;
    Py_RETURN_NONE;
}

static PyObject *fast_path_put(FastPath *self, PyObject *args)
{
    Source fresh = {0};
    unsigned long long ssrc;
    PyObject *types, *intake, *exits, *forward, *forward_left;
    if (!PyArg_ParseTuple(args, "KO!O!O!OO", &ssrc, &PyTuple_Type, &types, &IntakeType, &intake, &PyList_Type, &exits,
                          &forward, &forward_left))
        return NULL;
    for (Py_ssize_t place = 0; place < PyTuple_GET_SIZE(types); place++) {
        long long type = PyLong_AsLongLong(PyTuple_GET_ITEM(types, place));
        if (PyErr_Occurred())
            return NULL;
        fresh.types[type >> 6 & 1] |= 1ULL << (type & 63);
    }
    if (self->count == MAX_SOURCES)
        Py_RETURN_NONE; /* the rest goes the long way */
    fresh.ssrc = (uint32_t)ssrc;
    fresh.intake = (Intake *)Py_NewRef(intake);
    fresh.exits = Py_NewRef(exits);
    fresh.forward = Py_NewRef(forward);
    fresh.forward_left = Py_NewRef(forward_left);
    self->sources[self->count++] = fresh;
    Py_RETURN_NONE;
}

static PyObject *fast_path_forget(FastPath *self, PyObject *nothing)
{
    (void)nothing;
    forget_all(self);
    Py_RETURN_NONE;
}

static int fast_path_traverse(FastPath *self, visitproc visit, void *arg)
{
    for (int place = 0; place < self->count; place++) {
        Py_VISIT(self->sources[place].intake);
        Py_VISIT(self->sources[place].exits);
        Py_VISIT(self->sources[place].forward);
        Py_VISIT(self->sources[place].forward_left);
    }
    Py_VISIT(self->send_rtcp);
    Py_VISIT(self->held_exits);
    Py_VISIT(self->held_left);
    return 0;
}

static void fast_path_dealloc(FastPath *self)
{
    PyObject_GC_UnTrack(self);
    fast_path_clear(self);
    Py_CLEAR(self->recorder);
    Py_TYPE(self)->tp_free((PyObject *)self);
}

static PyMemberDef fast_path_members[] = {
    {"received", T_LONGLONG, offsetof(FastPath, received), READONLY, NULL},
    {NULL, 0, 0, 0, NULL}};

static PyMethodDef fast_path_methods[] = {
    {"configure", (PyCFunction)fast_path_configure, METH_VARARGS, NULL},
    {"put", (PyCFunction)fast_path_put, METH_VARARGS, NULL},
    {"take", (PyCFunction)(void (*)(void))fast_path_take, METH_FASTCALL, NULL},
    {"hold", (PyCFunction)(void (*)(void))fast_path_hold_bytes, METH_FASTCALL, NULL},
    {"settle", (PyCFunction)fast_path_let_go, METH_NOARGS, NULL},
    {"forget", (PyCFunction)fast_path_forget, METH_NOARGS, NULL},
    {NULL, NULL, 0, NULL}};

PyTypeObject FastPathType = {
    PyVarObject_HEAD_INIT(NULL, 0).tp_name = TYPE_NAME("FastPath"),
    .tp_basicsize = sizeof(FastPath),
    .tp_flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC,
    .tp_doc = "See uplink.Uplink.",
    .tp_new = PyType_GenericNew,
    .tp_init = (initproc)fast_path_init,
    .tp_dealloc = (destructor)fast_path_dealloc,
    .tp_traverse = (traverseproc)fast_path_traverse,
    .tp_clear = (inquiry)fast_path_clear,
    .tp_members = fast_path_members,
    .tp_methods = fast_path_methods,
};
