/* Reading RTP headers: see ../rtp.py. */

#include "plane.h"

typedef struct {
    PyObject_HEAD
    char marker;
    long long payload_type, sequence, timestamp, ssrc, payload_at, payload_end;
    PyObject *extensions;
} Header;

static void header_dealloc(Header *self)
{
    Py_CLEAR(self->extensions);
    Py_TYPE(self)->tp_free((PyObject *)self);
}

static PyMemberDef header_members[] = {
    {"marker", T_BOOL, offsetof(Header, marker), 0, NULL},
    {"payload_type", T_LONGLONG, offsetof(Header, payload_type), 0, NULL},
    {"sequence", T_LONGLONG, offsetof(Header, sequence), 0, NULL},
    {"timestamp", T_LONGLONG, offsetof(Header, timestamp), 0, NULL},
    {"ssrc", T_LONGLONG, offsetof(Header, ssrc), 0, NULL},
    {"payload_at", T_LONGLONG, offsetof(Header, payload_at), 0, NULL},
    {"payload_end", T_LONGLONG, offsetof(Header, payload_end), 0, NULL},
    {"extensions", T_OBJECT_EX, offsetof(Header, extensions), 0, NULL},
    {NULL, 0, 0, 0, NULL}};

PyTypeObject HeaderType = {
    PyVarObject_HEAD_INIT(NULL, 0).tp_name = TYPE_NAME("Header"),
    .tp_basicsize = sizeof(Header),
    .tp_flags = Py_TPFLAGS_DEFAULT,
    .tp_doc = "See rtp.Header.",
    .tp_new = PyType_GenericNew,
    .tp_dealloc = (destructor)header_dealloc,
    .tp_members = header_members,
};

static uint32_t four_bytes(const unsigned char *at)
{
    return (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | at[3];
}

static int add_extension(PyObject *found, unsigned element, const unsigned char *from, Py_ssize_t size)
{
    PyObject *key = PyLong_FromLong((long)element);
    PyObject *value = PyBytes_FromStringAndSize((const char *)from, size > 0 ? size : 0);
    int wrong = !key || !value || PyDict_SetItem(found, key, value) < 0;
    Py_XDECREF(key);
    Py_XDECREF(value);
    return wrong ? -1 : 0;
}

static int read_extensions(PyObject *found, const unsigned char *data, unsigned profile, Py_ssize_t at,
                           Py_ssize_t end)
{
    int two = (profile & 0xFFF0) == 0x1000;
    if (!two && profile != 0xBEDE)
        return 0;
    while (at < end) {
        unsigned element = data[at];
        Py_ssize_t length;
        if (!element) {
            at++;
            continue;
        }
        if (two) {
            if (at + 2 > end)
                break;
            length = data[at + 1];
            at += 2;
        } else {
            length = (element & 0x0F) + 1;
            element >>= 4;
            at++;
            if (element == 15)
                break;
        }
        if (add_extension(found, element, data + at, (at + length < end ? at + length : end) - at) < 0)
            return -1;
        at += length;
    }
    return 0;
}

/* Fill in a header; returns what is wrong with the packet, "" for an error that is set, or NULL. */
static const char *read_header(Header *header, const unsigned char *data, Py_ssize_t size)
{
    if (size < 12)
        return "RTP packet is shorter than its header";
    if (data[0] >> 6 != 2)
        return "not RTP version 2";
    header->marker = data[1] > 127;
    header->payload_type = data[1] & 0x7F;
    header->sequence = two_bytes(data + 2);
    header->timestamp = four_bytes(data + 4);
    header->ssrc = four_bytes(data + 8);
    Py_ssize_t at = 12 + 4 * (data[0] & 0x0F);
    if (data[0] & 0x10) {
        if (at + 4 > size)
            return "RTP extension header is truncated";
        Py_ssize_t end = at + 4 + 4 * (Py_ssize_t)two_bytes(data + at + 2);
        if (end > size)
            return "RTP extension is truncated";
        if (read_extensions(header->extensions, data, two_bytes(data + at), at + 4, end) < 0)
            return "";
        at = end;
    }
    header->payload_at = at;
    header->payload_end = data[0] & 0x20 ? size - data[size - 1] : size;
    return header->payload_end < at ? "RTP padding is longer than the packet" : NULL;
}

PyObject *parse(PyObject *module, PyObject *data)
{
    (void)module;
    if (!PyBytes_Check(data)) {
        PyErr_SetString(PyExc_TypeError, "a packet is bytes");
        return NULL;
    }
    Header *header = (Header *)HeaderType.tp_alloc(&HeaderType, 0);
    if (!header)
        return NULL;
    const char *wrong = "";
    if ((header->extensions = PyDict_New()))
        wrong = read_header(header, (const unsigned char *)PyBytes_AS_STRING(data), PyBytes_GET_SIZE(data));
    if (!wrong)
        return (PyObject *)header;
    if (*wrong)
        PyErr_SetString(PyExc_ValueError, wrong);
    Py_DECREF(header);
    return NULL;
}
