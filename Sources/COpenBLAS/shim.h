#ifndef COPENBLAS_SHIM_H
#define COPENBLAS_SHIM_H
// Debian keeps the header of each OpenBLAS build in a directory of its own; other systems have one.
#if __has_include(<openblas-pthread/cblas.h>)
#include <openblas-pthread/cblas.h>
#else
#include <cblas.h>
#endif
#endif
