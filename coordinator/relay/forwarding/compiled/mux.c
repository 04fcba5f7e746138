/* A socket emptied through the doors of its peers: see ../../udp_mux.py. */

#include "plane.h"

#include <arpa/inet.h>

enum { BATCH = 32 };

/* The address as the socket module would give it. */
static PyObject *address_of(const struct sockaddr_storage *from)
{
    char host[INET6_ADDRSTRLEN];
    if (from->ss_family == AF_INET6) {
        const struct sockaddr_in6 *six = (const struct sockaddr_in6 *)from;
        if (!inet_ntop(AF_INET6, &six->sin6_addr, host, sizeof host))
            return PyErr_SetFromErrno(PyExc_OSError);
        return Py_BuildValue("(siII)", host, (int)ntohs(six->sin6_port), (unsigned)ntohl(six->sin6_flowinfo),
                             (unsigned)six->sin6_scope_id);
    }
    const struct sockaddr_in *four = (const struct sockaddr_in *)from;
    if (!inet_ntop(AF_INET, &four->sin_addr, host, sizeof host))
        return PyErr_SetFromErrno(PyExc_OSError);
    return Py_BuildValue("(si)", host, (int)ntohs(four->sin_port));
}

static int take_one(PyObject *doors, PyObject *stranger, unsigned char *data, size_t size,
                    const struct sockaddr_storage *from, long long *dropped)
{
    if (!size)
        return 0;
    PyObject *address = address_of(from), *door, *answer;
    int wrong = -1;
    if (!address)
        return -1;
    if (data[0] < 4) {
        python_calls++;
        answer = PyObject_CallFunction(stranger, "y#O", (const char *)data, (Py_ssize_t)size, address);
        wrong = answer ? 0 : -1;
        Py_XDECREF(answer);
    } else if ((door = PyDict_GetItemWithError(doors, address))) {
        if (Py_IS_TYPE(door, &DoorType)) {
            Py_INCREF(door);
            wrong = door_take_datagram(door, data, size);
            Py_DECREF(door);
        } else {
            PyErr_SetString(PyExc_TypeError, "doors are Door objects by address");
        }
    } else if (!PyErr_Occurred()) {
        ++*dropped;
        wrong = 0;
    }
    Py_DECREF(address);
    return wrong;
}

PyObject *drain(PyObject *module, PyObject *args)
{
    static union {
        unsigned char bytes[BUFFER_BYTES];
        uint64_t aligned;
    } buffers[BATCH];
    static struct mmsghdr messages[BATCH];
    static struct iovec pieces[BATCH];
    static struct sockaddr_storage from[BATCH];
    int descriptor, limit, came = BATCH;
    long long received = 0, dropped = 0;
    PyObject *doors, *stranger;
    (void)module;
    if (!PyArg_ParseTuple(args, "iO!Oi", &descriptor, &PyDict_Type, &doors, &stranger, &limit))
        return NULL;
    while (came == BATCH && received < limit) {
        for (int index = 0; index < BATCH; index++) {
            pieces[index] = (struct iovec){buffers[index].bytes, BUFFER_BYTES};
            messages[index].msg_hdr = (struct msghdr){
                .msg_name = &from[index], .msg_namelen = sizeof from[index], .msg_iov = &pieces[index], .msg_iovlen = 1};
        }
        came = recvmmsg(descriptor, messages, BATCH, MSG_DONTWAIT, NULL);
        for (int index = 0; index < came; index++) {
            received++;
            if (take_one(doors, stranger, buffers[index].bytes, messages[index].msg_len, &from[index], &dropped) < 0)
                return NULL;
        }
    }
    return Py_BuildValue("LL", received, dropped);
}
