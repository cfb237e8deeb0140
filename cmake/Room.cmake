# Flags shared by every target of the project.
add_library(dnsp_flags INTERFACE)
target_include_directories(dnsp_flags INTERFACE ${PROJECT_SOURCE_DIR})
target_compile_definitions(dnsp_flags INTERFACE DNSP_VERSION="${PROJECT_VERSION}")
target_compile_options(dnsp_flags INTERFACE -Wall -Wextra -Wpedantic -Wshadow -Werror)
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU" AND CMAKE_CXX_COMPILER_VERSION VERSION_LESS 13)
  # GCC bugs 105593 and 105651: false alarms inside its own AVX-512 intrinsics and std::string.
  target_compile_options(dnsp_flags INTERFACE -Wno-maybe-uninitialized -Wno-uninitialized -Wno-restrict)
endif()
if(DNSP_NATIVE)
  target_compile_options(dnsp_flags INTERFACE -march=native)
endif()
if(DNSP_SANITIZE)
  target_compile_options(dnsp_flags INTERFACE -fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer)
  target_link_options(dnsp_flags INTERFACE -fsanitize=address,undefined)
endif()

# dnsp_room(name [PUBLIC target…] [PRIVATE target…]): a library dnsp_<name> of all .cpp files of the
# folder. Adding a file is all it takes to add a layer, a prior or a model. Object libraries, so that
# a file that only registers itself (a model, a prior) is never dropped by the linker.
function(dnsp_room name)
  cmake_parse_arguments(ROOM "" "" "PUBLIC;PRIVATE" ${ARGN})
  file(GLOB sources CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/*.cpp)
  add_library(dnsp_${name}_objects OBJECT ${sources})
  target_link_libraries(dnsp_${name}_objects PUBLIC dnsp_flags ${ROOM_PUBLIC} PRIVATE ${ROOM_PRIVATE})
  add_library(dnsp_${name} INTERFACE)
  target_link_libraries(dnsp_${name} INTERFACE dnsp_${name}_objects $<TARGET_OBJECTS:dnsp_${name}_objects>
    ${ROOM_PUBLIC} ${ROOM_PRIVATE})
endfunction()
