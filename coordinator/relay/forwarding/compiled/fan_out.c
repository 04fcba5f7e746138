/* Incoming packets to all they may go straight to: see ../cursor.py, ../sender.py and ../burst.py. */

#include "plane.h"

static int cursor_init(Cursor *self, PyObject *args, PyObject *kwargs)
{
    static char *names[] = {"ssrc", "first_sequence", "payload_type", NULL};
    long long first_sequence;
    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "LLL", names, &self->ssrc, &first_sequence,
                                     &self->payload_type))
        return -1;
    self->source = NONE;
    self->sequence = first_sequence - 1;
    return 0;
}

#define NUMBER(name) {#name, T_LONGLONG, offsetof(Cursor, name), 0, NULL}
static PyMemberDef cursor_members[] = {
    NUMBER(ssrc), NUMBER(payload_type), NUMBER(source), NUMBER(first), NUMBER(shift), NUMBER(timestamp_shift),
    NUMBER(picture_shift), NUMBER(tl0_shift), NUMBER(sequence), NUMBER(timestamp), NUMBER(top), NUMBER(picture),
    NUMBER(tl0), NUMBER(packets), NUMBER(octets),
    {"sent_at", T_DOUBLE, offsetof(Cursor, sent_at), 0, NULL},
    {NULL, 0, 0, 0, NULL}};
#undef NUMBER

PyTypeObject CursorType = {
    PyVarObject_HEAD_INIT(NULL, 0).tp_name = TYPE_NAME("Cursor"),
    .tp_basicsize = sizeof(Cursor),
    .tp_flags = Py_TPFLAGS_DEFAULT,
    .tp_doc = "See cursor.Cursor.",
    .tp_new = PyType_GenericNew,
    .tp_init = (initproc)cursor_init,
    .tp_members = cursor_members,
};

/* What a packet becomes, and the cursor moved on. */
static Outgoing move_on(Cursor *cursor, const Packet *in, double now)
{
    long long sequence = in->seq + cursor->shift;
    const Vp8 *vp8 = in->vp8;
    unsigned picture = vp8 ? (unsigned)(vp8->picture_id + cursor->picture_shift) & 0x7FFF : 0;
    unsigned tl0 = vp8 ? (unsigned)(vp8->tl0 + cursor->tl0_shift) & 0xFF : 0;
    Outgoing out = {
        .payload_type = (unsigned)cursor->payload_type,
        .marker = (unsigned)in->marker,
        .sequence = (uint16_t)sequence,
        .timestamp = (uint32_t)(in->timestamp + cursor->timestamp_shift),
        .ssrc = (uint32_t)cursor->ssrc,
        .payload = (const unsigned char *)PyBytes_AS_STRING(in->payload),
        .size = (size_t)PyBytes_GET_SIZE(in->payload),
        .picture_at = vp8 && cursor->picture_shift ? (size_t)vp8->picture_at : 0,
        .picture_long = vp8 ? vp8->picture_long : 0,
        .picture = picture,
        .tl0_at = vp8 && cursor->tl0_shift ? (size_t)vp8->tl0_at : 0,
        .tl0 = tl0,
    };
    if (sequence > cursor->sequence) {
        cursor->sequence = sequence;
        cursor->timestamp = out.timestamp;
        cursor->top = in->seq;
        if (vp8) {
            cursor->picture = picture;
            cursor->tl0 = tl0;
        }
    }
    cursor->packets++;
    cursor->octets += (long long)out.size;
    cursor->sent_at = now;
    return out;
}

static int forward(Cursor *cursor, Sender *sender, const Held *burst, int count)
{
    Outgoing outs[MAX_BURST];
    for (int index = 0; index < count; index++)
        outs[index] = move_on(cursor, burst[index].packet, burst[index].now);
    if (count == 1)
        return sender_emit(sender, outs, burst->now);
    return sender_emit_burst(sender, outs, burst, count);
}

static int add_place(PyObject **left, Py_ssize_t place)
{
    if (!*left && !(*left = PyList_New(0)))
        return -1;
    PyObject *number = PyLong_FromSsize_t(place);
    int wrong = !number || PyList_Append(*left, number) < 0;
    Py_XDECREF(number);
    return wrong ? -1 : 0;
}

static int fan_out_one(PyObject *pair, Py_ssize_t place, long long source, const Held *burst, int count,
                       PyObject **left)
{
    const Packet *in = burst->packet;
    if (!PyTuple_Check(pair) || PyTuple_GET_SIZE(pair) != 2 ||
        !Py_IS_TYPE(PyTuple_GET_ITEM(pair, 0), &CursorType) ||
        !Py_IS_TYPE(PyTuple_GET_ITEM(pair, 1), &SenderType)) {
        PyErr_SetString(PyExc_TypeError, "exits are pairs of cursor and sender");
        return -1;
    }
    Cursor *cursor = (Cursor *)PyTuple_GET_ITEM(pair, 0);
    if (cursor->source == source && in->seq >= cursor->first)
        return forward(cursor, (Sender *)PyTuple_GET_ITEM(pair, 1), burst, count);
    if (cursor->source == source || cursor->source == NONE || in->keyframe)
        return add_place(left, place);
    return 0;
}

/* Whether all that a packet says of itself lies within its payload. */
static int is_whole(const Packet *packet)
{
    if (!packet->payload || !PyBytes_Check(packet->payload)) {
        PyErr_SetString(PyExc_TypeError, "a payload is bytes");
        return 0;
    }
    const Vp8 *vp8 = packet->vp8;
    long long end = PyBytes_GET_SIZE(packet->payload);
    if (vp8 && (vp8->picture_at < 0 || vp8->picture_at + vp8->picture_long >= end || vp8->tl0_at < 0 ||
                vp8->tl0_at >= end)) {
        PyErr_SetString(PyExc_IndexError, "a VP8 descriptor is longer than its payload");
        return 0;
    }
    return 1;
}

int fan_out_held(PyObject *exits, long long source, const Held *burst, int count, PyObject **left)
{
    for (int index = 0; index < count; index++)
        if (!is_whole(burst[index].packet))
            return -1;
    for (Py_ssize_t place = 0; place < PyList_GET_SIZE(exits); place++) {
        PyObject *pair = PyList_GET_ITEM(exits, place);
        Py_INCREF(pair);
        int wrong = fan_out_one(pair, place, source, burst, count, left) < 0;
        Py_DECREF(pair);
        if (wrong)
            return -1;
    }
    return 0;
}

PyObject *fan_out(PyObject *module, PyObject *const *args, Py_ssize_t count)
{
    (void)module;
    if (count != 4 || !PyList_Check(args[0]) || !Py_IS_TYPE(args[2], &PacketType)) {
        PyErr_SetString(PyExc_TypeError, "fan_out(exits: list, source, packet, now)");
        return NULL;
    }
    long long source = PyLong_AsLongLong(args[1]);
    Held held = {(Packet *)args[2], PyFloat_AsDouble(args[3])};
    PyObject *left = NULL;
    if (PyErr_Occurred() || fan_out_held(args[0], source, &held, 1, &left) < 0)
        Py_CLEAR(left);
    else if (!left)
        left = PyList_New(0);
    return left;
}
