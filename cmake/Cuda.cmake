# DNSP_CUDA selects the CUDA device:
#   none     no device; selecting it is an error
#   toolkit  GPUs; nvcc compiles the kernels
#   host     the CUDA emulator, for tests: the C++ compiler compiles the kernels, and every device thread is a fibre
set(DNSP_REPORT_ACCESSES)  # options of files with kernels
set(DNSP_CUDA_LIBRARIES)  # linked by components that use the device
set(DNSP_CUDA none CACHE STRING "The CUDA device: none, toolkit or host")
set_property(CACHE DNSP_CUDA PROPERTY STRINGS none toolkit host)

if(DNSP_CUDA STREQUAL "toolkit")
  # Searches nvcc and the libraries in the toolkit's locations, then in the layout of the Python wheels
  # (nvidia/cu13/bin/nvcc, nvidia/cudnn/include/cudnn.h …) below DNSP_CUDA_WHEELS or of the python3 in the path.
  set(DNSP_CUDA_WHEELS "" CACHE PATH "A site-packages folder that holds NVIDIA's wheels")
  set(wheels ${DNSP_CUDA_WHEELS})
  if(NOT wheels)
    execute_process(COMMAND python3 -c "import sysconfig; print(sysconfig.get_paths()['purelib'])"
      OUTPUT_VARIABLE wheels OUTPUT_STRIP_TRAILING_WHITESPACE ERROR_QUIET)
  endif()
  file(GLOB wheel_roots LIST_DIRECTORIES true ${wheels}/nvidia/*)
  if(NOT CMAKE_CUDA_COMPILER AND NOT DEFINED ENV{CUDACXX})
    find_program(DNSP_NVCC nvcc HINTS ENV CUDA_HOME ENV CUDA_PATH /usr/local/cuda ${wheel_roots} PATH_SUFFIXES bin)
    if(NOT DNSP_NVCC)
      message(FATAL_ERROR "nvcc was not found: the CUDA toolkit is missing (set CUDA_HOME or CUDACXX, or install the "
        "wheel nvidia-cuda-nvcc). The presets cpu and host-executor need no toolkit.")
    endif()
    set(CMAKE_CUDA_COMPILER ${DNSP_NVCC})
  endif()
  enable_language(CUDA)
  include(cmake/CudaArchitectures.cmake)
  dnsp_check_cuda_architectures("${CMAKE_CUDA_ARCHITECTURES}" "${CMAKE_CUDA_ARCHITECTURES_NATIVE}")
  if(NOT CMAKE_CUDA20_STANDARD_COMPILE_OPTION)  # CMake 3.25 does not know nvcc's C++20 option
    set(CMAKE_CUDA20_STANDARD_COMPILE_OPTION -std=c++20)
    set(CMAKE_CUDA20_EXTENSION_COMPILE_OPTION -std=c++20)
  endif()
  set(CMAKE_CUDA_STANDARD 20)

  # Only headers are required. Libraries are loaded on first use, so that the tools start on machines with only a
  # driver. The folders found at build time are searched last.
  add_library(cuda_toolkit INTERFACE)
  set(library_folders)
  function(dnsp_cuda_header variable header library purpose)
    find_path(${variable}_INCLUDE ${header} HINTS ${CMAKE_CUDA_TOOLKIT_INCLUDE_DIRECTORIES} ${wheel_roots}
      PATH_SUFFIXES include)
    find_library(${variable}_LIBRARY NAMES ${library} HINTS ${CMAKE_CUDA_TOOLKIT_INCLUDE_DIRECTORIES}/.. ${wheel_roots}
      PATHS /usr/local/cuda PATH_SUFFIXES lib64 lib lib/stubs targets/x86_64-linux/lib)
    if(${variable}_LIBRARY)
      get_filename_component(folder ${${variable}_LIBRARY} DIRECTORY)
      set(library_folders ${library_folders} ${folder} PARENT_SCOPE)
    endif()
    if(NOT ${variable}_INCLUDE)
      message(${ARGN} "${header} was not found: ${purpose}")
    else()
      target_include_directories(cuda_toolkit SYSTEM INTERFACE ${${variable}_INCLUDE})
      message(STATUS "Found ${header}: ${${variable}_INCLUDE}")
    endif()
  endfunction()
  dnsp_cuda_header(CUBLAS cublas_v2.h cublas "cuBLAS is missing (part of the CUDA toolkit, or the wheel nvidia-cublas)"
    FATAL_ERROR)
  dnsp_cuda_header(CUSOLVER cusolverDn.h cusolver
    "cuSOLVER is missing (part of the CUDA toolkit, or the wheel nvidia-cusolver)" FATAL_ERROR)
  dnsp_cuda_header(CUDNN cudnn.h libcudnn.so.9
    "cuDNN 9 is missing (NVIDIA's package libcudnn9-dev, or the wheel nvidia-cudnn-cu13)" FATAL_ERROR)
  if(DNSP_MPI)
    dnsp_cuda_header(NCCL nccl.h libnccl.so.2 "gradients travel between GPUs by MPI alone (NCCL: the wheel nvidia-nccl-cu13)"
      STATUS)
  endif()
  list(REMOVE_DUPLICATES library_folders)
  list(JOIN library_folders ":" library_folders)
  target_compile_definitions(cuda_toolkit INTERFACE DNSP_CUDA_LIBRARY_DIRS="${library_folders}")
  # The CUDA runtime is linked statically into programs linked by the C++ compiler.
  find_library(CUDART_STATIC NAMES cudart_static HINTS ${CMAKE_CUDA_IMPLICIT_LINK_DIRECTORIES} ${wheel_roots}
    PATHS /usr/local/cuda PATH_SUFFIXES lib64 lib targets/x86_64-linux/lib REQUIRED)
  set(DNSP_CUDA_LIBRARIES cuda_toolkit)
  target_link_libraries(cuda_toolkit INTERFACE ${CUDART_STATIC} Threads::Threads rt ${CMAKE_DL_LIBS})
elseif(DNSP_CUDA STREQUAL "host")
  find_package(Boost 1.74 REQUIRED COMPONENTS context)
  dnsp_library(lapack HEADER lapacke.h LIBRARIES lapacke openblas)
  add_library(host_executor INTERFACE)
  set(DNSP_CUDA_LIBRARIES host_executor)
  # The emulator's race detector (kernels/simt/host/race_detector.hpp) takes the place of ThreadSanitizer. The standard library
  # need not know. Compilers cannot combine this with AddressSanitizer.
  if(NOT DNSP_SANITIZE)
    set(DNSP_REPORT_ACCESSES -fsanitize=thread -U__SANITIZE_THREAD__)
    if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
      # Not reported: entries of functions, and the accesses of memset and memcpy, which GCC would call instead of loops.
      list(APPEND DNSP_REPORT_ACCESSES --param=tsan-instrument-func-entry-exit=0 -fno-tree-loop-distribute-patterns)
    else()
      list(APPEND DNSP_REPORT_ACCESSES -mllvm -tsan-instrument-func-entry-exit=0)
    endif()
  endif()
  target_link_libraries(host_executor INTERFACE Boost::context lapack ${CMAKE_DL_LIBS})
elseif(NOT DNSP_CUDA STREQUAL "none")
  message(FATAL_ERROR "DNSP_CUDA is '${DNSP_CUDA}', expected none, toolkit or host")
endif()
