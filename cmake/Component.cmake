# Flags shared by every target of the project.
add_library(dnsp_flags INTERFACE)
target_include_directories(dnsp_flags INTERFACE ${PROJECT_SOURCE_DIR})
if(DNSP_CUDA STREQUAL "none")
  set(has_cuda 0)
else()
  set(has_cuda 1)
endif()
target_compile_definitions(dnsp_flags INTERFACE DNSP_VERSION="${PROJECT_VERSION}" DNSP_HAS_CUDA=${has_cuda})
# -ffp-contract=off here and -fmad=false below: the source decides where a product and a sum are rounded once
# (kernels/multiply_add.hpp), so that all copies of a loop round alike.
set(cxx_flags -Wall -Wextra -Wpedantic -Wshadow -Werror -ffp-contract=off)
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
  list(APPEND cxx_flags -Wno-psabi)  # Each program is compiled by one compiler.
endif()
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU" AND CMAKE_CXX_COMPILER_VERSION VERSION_LESS 13)
  # GCC bugs 105593 and 105651: false positives in its AVX-512 intrinsics and std::string.
  list(APPEND cxx_flags -Wno-maybe-uninitialized -Wno-uninitialized -Wno-restrict)
endif()
if(CMAKE_CXX_COMPILER_ID MATCHES "Clang")
  list(APPEND cxx_flags -Wno-pass-failed)  # Clang need not vectorise every loop marked `omp simd`.
endif()
if(NOT DNSP_MARCH STREQUAL "portable")
  list(APPEND cxx_flags -march=${DNSP_MARCH})
elseif(CMAKE_SYSTEM_PROCESSOR STREQUAL "x86_64")
  list(APPEND cxx_flags -march=x86-64-v3)  # AVX2 and FMA: most processors since 2013
endif()
if(DNSP_SANITIZE)
  list(APPEND cxx_flags -fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer)
  target_link_options(dnsp_flags INTERFACE -fsanitize=address,undefined)
  if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
    # GCC takes up to 40 % longer with these checks of each access. The preset fuzz, of Clang, has them.
    list(APPEND cxx_flags -fno-sanitize=null,alignment,object-size,vptr)
  endif()
endif()
if(DNSP_SANITIZE_THREADS)
  list(APPEND cxx_flags -fsanitize=thread -fno-omit-frame-pointer)
  target_link_options(dnsp_flags INTERFACE -fsanitize=thread)
endif()
if(DNSP_FUZZ)
  list(APPEND cxx_flags -fsanitize=fuzzer-no-link)  # counts the edges that a run takes
endif()
# A register spill or a local-memory stack frame stops the build with the kernel's name.
set(cuda_flags --expt-relaxed-constexpr -fmad=false "SHELL:-Werror all-warnings"
  "SHELL:-Xptxas -warn-spills,-warn-lmem-usage,-Werror" "SHELL:-Xcompiler -Wall,-Wextra,-ffp-contract=off")
# Convolutions by wgmma wait for barriers in shared memory. A mistake there hangs the GPU; with this option the kernel ends
# after five seconds with an assertion that names the barrier. It changes the kernels' code, so times are measured without.
option(DNSP_WATCHDOG "End kernels that wait five seconds for a barrier in shared memory" OFF)
if(DNSP_WATCHDOG)
  target_compile_definitions(dnsp_flags INTERFACE DNSP_WATCHDOG)
endif()
target_compile_options(dnsp_flags INTERFACE "$<$<COMPILE_LANGUAGE:CXX>:${cxx_flags}>"
  "$<$<COMPILE_LANGUAGE:CUDA>:${cuda_flags}>")

# dnsp_component(name [PUBLIC target…] [PRIVATE target…] [SOURCES file…]) adds the library dnsp_<name> of the given
# files. Default: all .cpp files of the folder, so that a new layer, prior or model is a new file. An object library, so
# that the linker keeps files that only register themselves.
function(dnsp_component name)
  cmake_parse_arguments(COMPONENT "" "" "PUBLIC;PRIVATE;SOURCES" ${ARGN})
  if(NOT COMPONENT_SOURCES)
    file(GLOB COMPONENT_SOURCES CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/*.cpp)
  endif()
  # The C++ compiler does not know the extension .cu. It compiles kernels for the CUDA emulator.
  if(DNSP_CUDA STREQUAL "host")
    set(device_sources ${COMPONENT_SOURCES})
    list(FILTER device_sources INCLUDE REGEX "\\.cu$")
    set_source_files_properties(${device_sources} PROPERTIES
      LANGUAGE CXX COMPILE_OPTIONS "-x;c++;-Wno-unknown-pragmas;${DNSP_REPORT_ACCESSES}")
  endif()
  add_library(dnsp_${name}_objects OBJECT ${COMPONENT_SOURCES})
  target_link_libraries(dnsp_${name}_objects PUBLIC dnsp_flags ${COMPONENT_PUBLIC} PRIVATE ${COMPONENT_PRIVATE})
  add_library(dnsp_${name} INTERFACE)
  target_link_libraries(dnsp_${name} INTERFACE dnsp_${name}_objects $<TARGET_OBJECTS:dnsp_${name}_objects>
    ${COMPONENT_PUBLIC} ${COMPONENT_PRIVATE})
endfunction()
