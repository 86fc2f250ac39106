#ifndef CONEDNN_SHIM_H
#define CONEDNN_SHIM_H
#include <oneapi/dnnl/dnnl.h>

// oneDNN divides products among OpenMP's threads; the header of OpenMP belongs to a compiler, so this is its prototype.
void omp_set_num_threads(int count);
#endif
