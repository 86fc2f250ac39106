#ifndef CONEDNN_SHIM_H
#define CONEDNN_SHIM_H
#include <oneapi/dnnl/dnnl.h>

// oneDNN divides products among OpenMP's threads. OpenMP's header belongs to a compiler, so this is
// the prototype.
void omp_set_num_threads(int count);
#endif
