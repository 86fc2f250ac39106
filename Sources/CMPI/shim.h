#ifndef CMPI_SHIM_H
#define CMPI_SHIM_H

/* Constants that MPI offers only as macros, and atomic operations for flags in shared memory. */

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <mpi/mpi.h>
#include <sched.h>
#include <stdint.h>

static inline MPI_Comm cmpi_comm_world(void) { return MPI_COMM_WORLD; }
static inline MPI_Info cmpi_info_null(void) { return MPI_INFO_NULL; }
static inline MPI_Errhandler cmpi_errors_return(void) { return MPI_ERRORS_RETURN; }

static inline int cmpi_comm_type_shared(void) { return MPI_COMM_TYPE_SHARED; }
static inline int cmpi_thread_funneled(void) { return MPI_THREAD_FUNNELED; }
static inline int cmpi_mode_nocheck(void) { return MPI_MODE_NOCHECK; }

static inline MPI_Datatype cmpi_byte(void) { return MPI_BYTE; }
static inline MPI_Datatype cmpi_float(void) { return MPI_FLOAT; }
static inline MPI_Datatype cmpi_double(void) { return MPI_DOUBLE; }
static inline MPI_Datatype cmpi_int64(void) { return MPI_INT64_T; }

static inline MPI_Op cmpi_sum(void) { return MPI_SUM; }
static inline MPI_Op cmpi_max(void) { return MPI_MAX; }
static inline MPI_Op cmpi_min(void) { return MPI_MIN; }

static inline const void *cmpi_in_place(void) { return MPI_IN_PLACE; }
static inline MPI_Status *cmpi_statuses_ignore(void) { return MPI_STATUSES_IGNORE; }

/* A load. After it, everything written before the matching release is visible. */
static inline uint64_t cmpi_load_acquire(const uint64_t *flag) {
  return __atomic_load_n(flag, __ATOMIC_ACQUIRE);
}

/* A store. Whoever acquires the value sees everything written before the store. */
static inline void cmpi_store_release(uint64_t *flag, uint64_t value) {
  __atomic_store_n(flag, value, __ATOMIC_RELEASE);
}

/* Tells the processor that the thread is in a waiting loop. */
static inline void cmpi_pause(void) {
#if defined(__x86_64__) || defined(__i386__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  __asm__ volatile("yield");
#endif
}

enum { CMPI_MASK_WORDS = 16 };

/* Writes the processors this process may use, one bit each; leaves out processors past 1,023. */
static inline void cmpi_processor_mask(uint64_t words[CMPI_MASK_WORDS]) {
  cpu_set_t set;
  for (int i = 0; i < CMPI_MASK_WORDS; i++) words[i] = 0;
  if (sched_getaffinity(0, sizeof(set), &set) != 0) return;
  for (int i = 0; i < 64 * CMPI_MASK_WORDS && i < CPU_SETSIZE; i++)
    if (CPU_ISSET(i, &set)) words[i / 64] |= (uint64_t)1 << (i % 64);
}

#endif
