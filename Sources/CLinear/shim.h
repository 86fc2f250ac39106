#ifndef CLINEAR_SHIM_H
#define CLINEAR_SHIM_H
// Debian has the header beside the others; other systems have a directory for it.
#if __has_include(<linear.h>)
#include <linear.h>
#else
#include <liblinear/linear.h>
#endif
#endif
