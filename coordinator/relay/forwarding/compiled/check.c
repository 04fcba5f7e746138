/* Checks of connectivity that change nothing, answered where they come in: see ../../ice.py and ../../binding.py.

   Rule 1: what is answered here would be answered there, and with the same bytes. All else is for others to look
   at, and leaves no trace here.
   Rule 2: signatures are made by Python's own hmac. It schedules nothing, so that the event loop goes on waiting. */

#include "plane.h"

#include <string.h>

enum {
    REQUEST = 0x0001,
    RESPONSE = 0x0101,
    USERNAME = 0x0006,
    INTEGRITY = 0x0008,
    XOR_MAPPED_ADDRESS = 0x0020,
    FINGERPRINT = 0x8028,
    HEAD = 20,
    ATTRIBUTE = 4,
    SIGNATURE = 20,
    MAX_ANSWER = 80
};
#define COOKIE 0x2112A442u

int checks_aim(Checks *self, PyObject *args)
{
    PyObject *wire, *address, *username, *password;
    checks_release(self);
    if (!PyArg_ParseTuple(args, "O!OSS", &WireType, &wire, &address, &username, &password))
        return -1;
    if (!read_address(address, &self->address, &self->address_size))
        return 0;
    self->username = Py_NewRef(username);
    self->password = Py_NewRef(password);
    self->wire = (Wire *)Py_NewRef(wire);
    return 0;
}

void checks_release(Checks *self)
{
    Py_CLEAR(self->wire);
    Py_CLEAR(self->username);
    Py_CLEAR(self->password);
}

static uint32_t fingerprint(const unsigned char *data, size_t size)
{
    uint32_t rest = 0xFFFFFFFF;
    for (size_t at = 0; at < size; at++) {
        rest ^= data[at];
        for (int bit = 0; bit < 8; bit++)
            rest = rest >> 1 ^ (rest & 1 ? 0xEDB88320 : 0);
    }
    return ~rest ^ 0x5354554E;
}

/* Sign a message up to where its signature is to stand; returns -1 with an error. */
static int sign(PyObject *password, const unsigned char *data, size_t size, unsigned char *signature)
{
    static PyObject *hmac;
    PyObject *message, *made;
    if (!hmac && !(hmac = PyImport_ImportModule("hmac")))
        return -1;
    if (!(message = PyBytes_FromStringAndSize((const char *)data, (Py_ssize_t)size)))
        return -1;
    put_two((unsigned char *)PyBytes_AS_STRING(message) + 2, (unsigned)size - HEAD + ATTRIBUTE + SIGNATURE);
    made = PyObject_CallMethod(hmac, "digest", "OOs", password, message, "sha1");
    Py_DECREF(message);
    int right = made && PyBytes_Check(made) && PyBytes_GET_SIZE(made) == SIGNATURE;
    if (right)
        memcpy(signature, PyBytes_AS_STRING(made), SIGNATURE);
    else if (made)
        PyErr_SetString(PyExc_ValueError, "no signature");
    Py_XDECREF(made);
    return right ? 0 : -1;
}

/* Read a request as binding.read_request does; returns its signature attribute, or NULL where it is not well formed,
   has none, or names another user. */
static const unsigned char *read_request(const unsigned char *data, size_t size, PyObject *username)
{
    const unsigned char *signature = NULL;
    int named = 0;
    if (size < HEAD || two_bytes(data) != REQUEST || four_bytes(data + 4) != COOKIE ||
        size != HEAD + (size_t)two_bytes(data + 2))
        return NULL;
    for (size_t at = HEAD, end; at < size; at = end + (-end & 3)) {
        const unsigned char *attribute = data + at, *value = attribute + ATTRIBUTE;
        if (at + ATTRIBUTE > size || (end = at + ATTRIBUTE + two_bytes(attribute + 2)) > size)
            return NULL;
        unsigned kind = two_bytes(attribute);
        size_t length = end - at - ATTRIBUTE;
        if (kind == FINGERPRINT) {
            if (end != size || length != 4 || four_bytes(value) != fingerprint(data, at))
                return NULL;
        } else if (kind == USERNAME && !signature) {
            named = length == (size_t)PyBytes_GET_SIZE(username) && !memcmp(value, PyBytes_AS_STRING(username), length);
            if (!named)
                return NULL;
        } else if (kind == INTEGRITY && !signature) {
            if (length != SIGNATURE)
                return NULL;
            signature = attribute;
        }
    }
    return named ? signature : NULL;
}

/* Whether both are the same, in a time that does not tell where they differ. */
static int same(const unsigned char *one, const unsigned char *other)
{
    volatile unsigned char differs = 0;
    for (int at = 0; at < SIGNATURE; at++)
        differs |= one[at] ^ other[at];
    return !differs;
}

/* Write what binding.write_response does; returns its size, 0 with an error. */
static size_t write_response(unsigned char *answer, const unsigned char *request, const struct sockaddr_storage *to,
                             PyObject *password)
{
    const struct sockaddr_in *four = (const struct sockaddr_in *)to;
    const struct sockaddr_in6 *six = (const struct sockaddr_in6 *)to;
    int is_six = to->ss_family == AF_INET6;
    const unsigned char *host = is_six ? six->sin6_addr.s6_addr : (const unsigned char *)&four->sin_addr;
    unsigned length = is_six ? 16 : 4, port = ntohs(is_six ? six->sin6_port : four->sin_port);
    memcpy(answer, request, HEAD);
    put_two(answer, RESPONSE);
    unsigned char *at = put_two(answer + HEAD, XOR_MAPPED_ADDRESS);
    at = put_two(put_two(put_two(at, 4 + length), is_six ? 2 : 1), port ^ COOKIE >> 16);
    for (unsigned byte = 0; byte < length; byte++)
        *at++ = host[byte] ^ request[4 + byte]; /* the cookie, and the transaction behind it */
    if (sign(password, answer, (size_t)(at - answer), at + ATTRIBUTE) < 0)
        return 0;
    at = put_two(put_two(at, INTEGRITY), SIGNATURE) + SIGNATURE;
    size_t size = (size_t)(at - answer) + ATTRIBUTE + 4;
    put_two(answer + 2, (unsigned)size - HEAD);
    uint32_t print = fingerprint(answer, (size_t)(at - answer));
    put_two(put_two(put_two(put_two(at, FINGERPRINT), 4), print >> 16), print);
    return size;
}

/* Read, verify, answer; returns 1, 0 where it is not to be answered here, -1 with an error. */
static int answer_with(Wire *wire, PyObject *username, PyObject *password, const unsigned char *data, size_t size,
                       const struct sockaddr_storage *from, socklen_t from_size)
{
    unsigned char expected[SIGNATURE], answer[MAX_ANSWER];
    const unsigned char *signature = read_request(data, size, username);
    if (!signature)
        return 0;
    if (sign(password, data, (size_t)(signature - data), expected) < 0)
        return -1;
    if (!same(signature + ATTRIBUTE, expected))
        return 0;
    size_t answer_size = write_response(answer, data, from, password);
    if (!answer_size)
        return -1;
    wire_send(wire, answer, answer_size, from, from_size);
    return 1;
}

int checks_answer(const Checks *self, const unsigned char *data, size_t size, const struct sockaddr_storage *from)
{
    if (!self->wire || !same_address(&self->address, from))
        return 0;
    Wire *wire = (Wire *)Py_NewRef(self->wire); /* all three are held: Python code runs meanwhile */
    PyObject *username = Py_NewRef(self->username), *password = Py_NewRef(self->password);
    int answered = answer_with(wire, username, password, data, size, from, self->address_size);
    Py_DECREF(wire);
    Py_DECREF(username);
    Py_DECREF(password);
    if (answered >= 0 || !PyErr_ExceptionMatches(PyExc_Exception))
        return answered;
    PyErr_Clear();
    return 0;
}
