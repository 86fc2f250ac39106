#ifndef CSVM_SHIM_H
#define CSVM_SHIM_H
// Debian has a directory for the header; other systems have it beside the others.
#if __has_include(<libsvm/svm.h>)
#include <libsvm/svm.h>
#else
#include <svm.h>
#endif
#endif
