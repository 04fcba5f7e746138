/* Addresses as the socket module gives them: (host, port), or (host, port, flow, scope) for IPv6. */

#include "plane.h"

#include <arpa/inet.h>
#include <string.h>

int read_address(PyObject *address, struct sockaddr_storage *found, socklen_t *size)
{
    const char *host;
    int port;
    unsigned flow = 0, scope = 0;
    if (!PyTuple_Check(address) || !PyArg_ParseTuple(address, "si|II", &host, &port, &flow, &scope)) {
        PyErr_Clear();
        return 0;
    }
    if (port < 1 || port > 65535)
        return 0;
    memset(found, 0, sizeof *found);
    if (strchr(host, ':')) {
        struct sockaddr_in6 *six = (struct sockaddr_in6 *)found;
        six->sin6_family = AF_INET6;
        six->sin6_port = htons((uint16_t)port);
        six->sin6_flowinfo = htonl(flow);
        six->sin6_scope_id = scope;
        *size = sizeof *six;
        return inet_pton(AF_INET6, host, &six->sin6_addr) == 1;
    }
    struct sockaddr_in *four = (struct sockaddr_in *)found;
    four->sin_family = AF_INET;
    four->sin_port = htons((uint16_t)port);
    *size = sizeof *four;
    return inet_pton(AF_INET, host, &four->sin_addr) == 1;
}

int same_address(const struct sockaddr_storage *one, const struct sockaddr_storage *other)
{
    if (one->ss_family != other->ss_family)
        return 0;
    if (one->ss_family == AF_INET6) {
        const struct sockaddr_in6 *a = (const struct sockaddr_in6 *)one, *b = (const struct sockaddr_in6 *)other;
        return a->sin6_port == b->sin6_port && a->sin6_flowinfo == b->sin6_flowinfo &&
               a->sin6_scope_id == b->sin6_scope_id && !memcmp(&a->sin6_addr, &b->sin6_addr, sizeof a->sin6_addr);
    }
    const struct sockaddr_in *a = (const struct sockaddr_in *)one, *b = (const struct sockaddr_in *)other;
    return a->sin_port == b->sin_port && a->sin_addr.s_addr == b->sin_addr.s_addr;
}

PyObject *write_address(const struct sockaddr_storage *from)
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
