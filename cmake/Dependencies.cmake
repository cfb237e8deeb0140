# Every library the project links, found once. scripts/install_dependencies installs them from apt.
find_package(OpenMP REQUIRED COMPONENTS CXX)
find_package(Eigen3 3.4 REQUIRED NO_MODULE)
find_package(ZLIB REQUIRED)
find_package(PNG REQUIRED)
find_package(nlohmann_json 3.10 REQUIRED)
find_package(CLI11 REQUIRED)
find_package(fmt REQUIRED)
find_package(Threads REQUIRED)
if(DNSP_TESTS)
  find_package(Catch2 REQUIRED)
endif()

# dnsp_library(target HEADER path LIBRARIES name…): a library whose own CMake package is missing or, as Debian builds
# it, demands what we do not use: oneDNN's asks for OpenCL, nifti_clib's for its command line tools, stb has none.
function(dnsp_library target)
  cmake_parse_arguments(LIB "" "HEADER" "LIBRARIES;PATH_SUFFIXES" ${ARGN})
  find_path(${target}_INCLUDE_DIR NAMES ${LIB_HEADER} PATH_SUFFIXES ${LIB_PATH_SUFFIXES} REQUIRED)
  add_library(${target} INTERFACE)
  target_include_directories(${target} SYSTEM INTERFACE ${${target}_INCLUDE_DIR})
  foreach(name IN LISTS LIB_LIBRARIES)
    find_library(${target}_${name}_LIBRARY NAMES ${name} REQUIRED)
    target_link_libraries(${target} INTERFACE ${${target}_${name}_LIBRARY})
  endforeach()
endfunction()

dnsp_library(onednn HEADER dnnl.hpp LIBRARIES dnnl)
dnsp_library(nifti_clib HEADER nifti2_io.h PATH_SUFFIXES nifti LIBRARIES nifti2 znz)
dnsp_library(stb HEADER stb/stb_image.h)
