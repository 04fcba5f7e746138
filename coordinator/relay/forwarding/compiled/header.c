/* Reading RTP headers: see ../rtp.py. */

#include "plane.h"

typedef struct {
    PyObject_HEAD
    Fields fields;
    PyObject *extensions;
} Header;

static void header_dealloc(Header *self)
{
    Py_CLEAR(self->extensions);
    Py_TYPE(self)->tp_free((PyObject *)self);
}

static PyMemberDef header_members[] = {
    {"marker", T_BOOL, offsetof(Header, fields.marker), 0, NULL},
    {"payload_type", T_LONGLONG, offsetof(Header, fields.payload_type), 0, NULL},
    {"sequence", T_LONGLONG, offsetof(Header, fields.sequence), 0, NULL},
    {"timestamp", T_LONGLONG, offsetof(Header, fields.timestamp), 0, NULL},
    {"ssrc", T_LONGLONG, offsetof(Header, fields.ssrc), 0, NULL},
    {"payload_at", T_LONGLONG, offsetof(Header, fields.payload_at), 0, NULL},
    {"payload_end", T_LONGLONG, offsetof(Header, fields.payload_end), 0, NULL},
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

const char *read_fields(Fields *found, const unsigned char *data, Py_ssize_t size)
{
    if (size < 12)
        return "RTP packet is shorter than its header";
    if (data[0] >> 6 != 2)
        return "not RTP version 2";
    found->marker = data[1] > 127;
    found->payload_type = data[1] & 0x7F;
    found->sequence = two_bytes(data + 2);
    found->timestamp = four_bytes(data + 4);
    found->ssrc = four_bytes(data + 8);
    Py_ssize_t at = 12 + 4 * (data[0] & 0x0F);
    found->profile = 0;
    if (data[0] & 0x10) {
        if (at + 4 > size)
            return "RTP extension header is truncated";
        found->profile = two_bytes(data + at);
        found->elements_at = at + 4;
        at += 4 + 4 * (Py_ssize_t)two_bytes(data + at + 2);
        if (at > size)
            return "RTP extension is truncated";
    }
    found->payload_at = at;
    found->payload_end = data[0] & 0x20 ? size - data[size - 1] : size;
    return found->payload_end < at ? "RTP padding is longer than the packet" : NULL;
}

Element first_element(const Fields *fields, const unsigned char *data)
{
    int two = (fields->profile & 0xFFF0) == 0x1000;
    int known = two || fields->profile == 0xBEDE;
    const unsigned char *end = data + fields->payload_at;
    return (Element){.two_bytes_each = two, .next = known ? data + fields->elements_at : end, .end = end};
}

int next_element(Element *element)
{
    const unsigned char *at = element->next, *end = element->end;
    while (at < end && !*at)
        at++;
    if (at >= end || (element->two_bytes_each && at + 2 > end))
        return 0;
    Py_ssize_t length = element->two_bytes_each ? at[1] : (at[0] & 0x0F) + 1;
    element->id = element->two_bytes_each ? at[0] : at[0] >> 4;
    if (!element->two_bytes_each && element->id == 15)
        return 0;
    at += element->two_bytes_each ? 2 : 1;
    element->value = at;
    element->size = at >= end ? 0 : length < end - at ? length : end - at;
    element->next = length < end - at ? at + length : end;
    return 1;
}

static int add_extension(PyObject *found, const Element *element)
{
    PyObject *key = PyLong_FromLong((long)element->id);
    PyObject *value = PyBytes_FromStringAndSize((const char *)element->value, element->size);
    int wrong = !key || !value || PyDict_SetItem(found, key, value) < 0;
    Py_XDECREF(key);
    Py_XDECREF(value);
    return wrong ? -1 : 0;
}

/* Fill in a header; returns what is wrong with the packet, "" for an error that is set, or NULL. */
static const char *read_header(Header *header, const unsigned char *data, Py_ssize_t size)
{
    const char *wrong = read_fields(&header->fields, data, size);
    Element element;
    if (wrong)
        return wrong;
    for (element = first_element(&header->fields, data); next_element(&element);)
        if (add_extension(header->extensions, &element) < 0)
            return "";
    return NULL;
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
