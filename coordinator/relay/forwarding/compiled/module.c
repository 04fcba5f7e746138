/* The module itself. */

#include "plane.h"

static PyMethodDef functions[] = {
    {"fan_out", (PyCFunction)(void (*)(void))fan_out, METH_FASTCALL, NULL},
    {"parse", parse, METH_O, NULL},
    {"wait", (PyCFunction)(void (*)(void))wait_for_events, METH_FASTCALL, NULL},
    {NULL, NULL, 0, NULL}};

static struct PyModuleDef definition = {
    PyModuleDef_HEAD_INIT,
    .m_name = "_compiled",
    .m_doc = "The media plane in C; see engine.py.",
    .m_size = -1,
    .m_methods = functions,
};

PyMODINIT_FUNC PyInit__compiled(void)
{
    PyObject *module = PyModule_Create(&definition);
    if (!module)
        return NULL;
    if (PyModule_AddType(module, &CursorType) < 0 || PyModule_AddType(module, &FlightType) < 0 ||
        PyModule_AddType(module, &WireType) < 0 || PyModule_AddType(module, &WayOutType) < 0 ||
         PyModule_AddType(module, &SenderType) < 0 ||
        PyModule_AddType(module, &DoorType) < 0 || PyModule_AddType(module, &Vp8Type) < 0 ||
        PyModule_AddType(module, &PacketType) < 0 || PyModule_AddType(module, &RateMeterType) < 0 ||
        PyModule_AddType(module, &IntakeType) < 0 || PyModule_AddType(module, &RecorderType) < 0 ||
        PyModule_AddType(module, &FastPathType) < 0 || PyModule_AddType(module, &HeaderType) < 0 ||
        PyModule_AddType(module, &DoorsType) < 0)
        Py_CLEAR(module);
    return module;
}
