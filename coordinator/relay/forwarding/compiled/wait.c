/* The event loop's wait, in which media sockets are emptied: see ../../media_loop.py. */

#include "plane.h"

#include <errno.h>
#include <limits.h>
#include <sys/epoll.h>

enum { EVENTS = 64 };

/* At least so long, as the selectors module has it. */
static int milliseconds(double seconds)
{
    double exact = seconds * 1e3;
    if (exact >= INT_MAX)
        return INT_MAX;
    int whole = (int)exact;
    return whole + (exact > whole);
}

/* The Doors of a descriptor (borrowed), or NULL, which is an error where one is set. */
static PyObject *doors_of(PyObject *watched, int descriptor)
{
    PyObject *number = PyLong_FromLong(descriptor), *doors;
    if (!number)
        return NULL;
    doors = PyDict_GetItemWithError(watched, number);
    Py_DECREF(number);
    if (doors && !Py_IS_TYPE(doors, &DoorsType)) {
        PyErr_SetString(PyExc_TypeError, "what is watched are Doors");
        return NULL;
    }
    return doors;
}

/* Add (key, what happened) to a list, unless nobody wants to know any more. */
static int tell(PyObject *ready, PyObject *get_key, const struct epoll_event *event)
{
    int happened = (event->events & ~(uint32_t)EPOLLOUT ? 1 : 0) | (event->events & ~(uint32_t)EPOLLIN ? 2 : 0);
    PyObject *key = PyObject_CallFunction(get_key, "i", event->data.fd), *both;
    if (!key) {
        if (!PyErr_ExceptionMatches(PyExc_KeyError))
            return -1;
        PyErr_Clear();
        return 0;
    }
    both = Py_BuildValue("(Ni)", key, happened);
    int wrong = both ? PyList_Append(ready, both) : -1;
    Py_XDECREF(both);
    return wrong;
}

/* What happened elsewhere is noted first: code behind a door may close a socket whose number another one takes. */
static int go_through(PyObject *ready, PyObject *watched, PyObject *get_key, const struct epoll_event *events, int count)
{
    PyObject *media[EVENTS];
    int wrong = 0;
    for (int index = 0; index < count; index++) {
        media[index] = wrong ? NULL : Py_XNewRef(doors_of(watched, events[index].data.fd));
        if (!wrong && !media[index])
            wrong = PyErr_Occurred() ? -1 : tell(ready, get_key, &events[index]);
    }
    for (int index = 0; index < count; index++) {
        if (!wrong && media[index])
            wrong = doors_drain(media[index], events[index].data.fd);
        Py_XDECREF(media[index]);
    }
    return wrong;
}

/* wait(epoll, watched, get_key, timeout) */
PyObject *wait_for_events(PyObject *module, PyObject *const *args, Py_ssize_t count)
{
    (void)module;
    if (count != 4 || !PyDict_Check(args[1])) {
        PyErr_SetString(PyExc_TypeError, "wait(epoll, watched, get_key, timeout)");
        return NULL;
    }
    int epoll = PyObject_AsFileDescriptor(args[0]), endless = args[3] == Py_None;
    double left = endless ? 0.0 : PyFloat_AsDouble(args[3]), end;
    PyObject *ready = PyErr_Occurred() ? NULL : PyList_New(0);
    if (!ready)
        return NULL;
    left = left > 0.0 ? left : 0.0;
    end = left > 0.0 ? monotonic() + left : 0.0;
    for (;;) {
        struct epoll_event events[EVENTS];
        unsigned long long calls = python_calls;
        int found, why;
        Py_BEGIN_ALLOW_THREADS
        found = epoll_wait(epoll, events, EVENTS, endless ? -1 : milliseconds(left));
        why = errno;
        Py_END_ALLOW_THREADS
        if (found < 0 && why != EINTR) {
            errno = why;
            PyErr_SetFromErrno(PyExc_OSError);
            break;
        }
        if (PyErr_CheckSignals() < 0 || go_through(ready, args[1], args[2], events, found) < 0)
            break;
        if (found <= 0 || PyList_GET_SIZE(ready) || python_calls != calls)
            return ready;
        if (!endless && (end == 0.0 || (left = end - monotonic()) <= 0.0))
            return ready;
    }
    Py_DECREF(ready);
    return NULL;
}
