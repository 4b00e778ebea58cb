# What of llama-cpp-python's build a server of tiny models does without. It is read right after `project(llama_cpp)`; its variables
# win over the cache's (CMake policies CMP0077 and CMP0126). Of 7.5 minutes of a processor, 2.5 are left.
set(LLAVA_BUILD OFF)         # pictures
set(LLAMA_BUILD_COMMON OFF)  # what only llama.cpp's own programs use
set(GGML_NATIVE OFF)         # a cache of parts may move to another processor
set(GGML_OPENMP OFF)         # one thread is enough, and idle ones spin
set(GGML_LLAMAFILE OFF)      # faster kernels for big matrices
set(GGML_CPU_REPACK OFF)     # and for quantised ones
set(CMAKE_C_FLAGS_RELEASE "-O2 -DNDEBUG")
set(CMAKE_CXX_FLAGS_RELEASE "-O1 -DNDEBUG")
