#ifndef COPENBLAS_SHIM_H
#define COPENBLAS_SHIM_H
// Debian keeps the header of each OpenBLAS build in a directory of its own; other systems have one.
#if __has_include(<openblas-pthread/cblas.h>)
#include <openblas-pthread/cblas.h>
#else
#include <cblas.h>
#endif

// LAPACK, which OpenBLAS contains; its header is in a package of its own.
void dpotrf_(const char *uplo, const blasint *n, double *a, const blasint *lda, blasint *info);
void dpotri_(const char *uplo, const blasint *n, double *a, const blasint *lda, blasint *info);
void dsyevd_(
  const char *jobz, const char *uplo, const blasint *n, double *a, const blasint *lda, double *w,
  double *work, const blasint *lwork, blasint *iwork, const blasint *liwork, blasint *info);
#endif
