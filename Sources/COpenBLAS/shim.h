#ifndef COPENBLAS_SHIM_H
#define COPENBLAS_SHIM_H
// Debian has a directory for the header of each OpenBLAS build; other systems have one header.
#if __has_include(<openblas-pthread/cblas.h>)
#include <openblas-pthread/cblas.h>
#else
#include <cblas.h>
#endif

// LAPACK: OpenBLAS contains its functions, but the header is in another package.
void dpotrf_(const char *uplo, const blasint *n, double *a, const blasint *lda, blasint *info);
void dpotri_(const char *uplo, const blasint *n, double *a, const blasint *lda, blasint *info);
void dsyevd_(
  const char *jobz, const char *uplo, const blasint *n, double *a, const blasint *lda, double *w,
  double *work, const blasint *lwork, blasint *iwork, const blasint *liwork, blasint *info);
void dgelqf_(
  const blasint *m, const blasint *n, double *a, const blasint *lda, double *tau, double *work,
  const blasint *lwork, blasint *info);
void dgesdd_(
  const char *jobz, const blasint *m, const blasint *n, double *a, const blasint *lda, double *s,
  double *u, const blasint *ldu, double *vt, const blasint *ldvt, double *work,
  const blasint *lwork, blasint *iwork, blasint *info);
#endif
