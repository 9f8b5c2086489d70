#pragma once
#include <stddef.h>
#include <stdint.h>

// libFuzzer without its main (libclang_rt.fuzzer_no_main): one binary holds every target.
typedef int (*FuzzerCallback)(const uint8_t *data, size_t size);
int LLVMFuzzerRunDriver(int *argc, char ***argv, FuzzerCallback callback);
