#ifndef COPENBLAS_SHIM_H
#define COPENBLAS_SHIM_H
#include <openblas-pthread/cblas.h>
#endif
