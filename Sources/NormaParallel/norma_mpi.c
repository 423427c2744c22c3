// MPI as NormaParallel asks it: a library of its own, since the constants and types of MPI are those of an implementation, known when
// this is compiled and not before. `make parallel` compiles it with each implementation's compiler that there is; the program loads the one
// that goes with the launcher that started it.
//
// Every function gives 0, or an error of MPI's that norma_mpi_words tells in words. What takes a while is begun, and asked about until it
// is done, so that whoever waits can stop waiting.
#include <mpi.h>
#include <stdlib.h>
#include <string.h>
#ifdef NORMA_DELAY_MICROSECONDS
// A slower network than there is, for measurements alone: see Benchmarks/scaling_in_namespaces.py.
#include <unistd.h>
#endif

// A message to one process and one from it.
typedef struct {
  MPI_Request requests[2];
  int count;
} operation;

// What the functions are, for a program that was built for others.
int norma_mpi_version(void) { return 2; }

int norma_mpi_begin(int *rank, int *count) {
  int isBegun = 0, level = 0;
  int error = MPI_Initialized(&isBegun);
  // Several threads ask, one at a time.
  if (!error && !isBegun) error = MPI_Init_thread(NULL, NULL, MPI_THREAD_SERIALIZED, &level);
  if (!error && !isBegun && level < MPI_THREAD_SERIALIZED) error = MPI_ERR_OTHER;
  if (!error) error = MPI_Comm_set_errhandler(MPI_COMM_WORLD, MPI_ERRORS_RETURN);
  if (!error) error = MPI_Comm_rank(MPI_COMM_WORLD, rank);
  if (!error) error = MPI_Comm_size(MPI_COMM_WORLD, count);
  return error;
}

// Sends bytes to a process and receives bytes from it, by one of several channels; either may be none.
int norma_mpi_exchange(int partner, const void *sent, int sentCount, void *received, int receivedCount, int channel, void **begun) {
  operation *made = calloc(1, sizeof *made);
  if (!made) return MPI_ERR_NO_MEM;
  int error = 0;
#ifdef NORMA_DELAY_MICROSECONDS
  usleep(NORMA_DELAY_MICROSECONDS);
#endif
  if (receivedCount > 0)
    error = MPI_Irecv(received, receivedCount, MPI_BYTE, partner, channel, MPI_COMM_WORLD, &made->requests[made->count++]);
  if (!error && sentCount > 0)
    error = MPI_Isend(sent, sentCount, MPI_BYTE, partner, channel, MPI_COMM_WORLD, &made->requests[made->count++]);
  *begun = made;
  return error;
}

// Whether what was begun is done; it is gone then.
int norma_mpi_test(void *begun, int *isDone) {
  operation *made = begun;
  MPI_Status statuses[2];
  int error = MPI_Testall(made->count, made->requests, isDone, statuses);
  if (error || *isDone) free(made);
  return error;
}

// An error in words, at most so many bytes and a zero.
void norma_mpi_words(int error, char *words, int length) {
  char all[MPI_MAX_ERROR_STRING] = {0};
  int count = 0;
  if (length <= 0 || MPI_Error_string(error, all, &count)) return;
  strncpy(words, all, (size_t)length - 1);
  words[length - 1] = 0;
}

// Which implementation this is, in words.
void norma_mpi_library(char *words, int length) {
  char all[MPI_MAX_LIBRARY_VERSION_STRING] = {0};
  int count = 0;
  if (length <= 0 || MPI_Get_library_version(all, &count)) return;
  strncpy(words, all, (size_t)length - 1);
  words[length - 1] = 0;
}

// Ends all processes.
void norma_mpi_abort(int code) { MPI_Abort(MPI_COMM_WORLD, code); }

// The end: once all have come here.
int norma_mpi_end(void) {
  int isOver = 0;
  int error = MPI_Finalized(&isOver);
  return error || isOver ? error : MPI_Finalize();
}
