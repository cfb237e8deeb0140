# What `cmake --install` copies, and the packages that `cpack` makes of it: programs, weights, manual pages, documents, and
# with DNSP_LIBRARY the library with its headers.
include(GNUInstallDirs)

set(programs ${DNSP_PROGRAMS})
if(DNSP_ITK)
  list(APPEND programs register)
endif()
install(TARGETS ${programs} RUNTIME_DEPENDENCY_SET dnsp_libraries)
install(DIRECTORY weights/ DESTINATION ${CMAKE_INSTALL_DATADIR}/dnsp/weights)
install(FILES LICENSE NOTICE README.md CHANGELOG.md CITATION.cff DESTINATION ${CMAKE_INSTALL_DOCDIR})
foreach(program IN LISTS DNSP_PROGRAMS)
  # bash-completion looks for a file with the name of the program.
  install(FILES cmake/dnsp.bash-completion RENAME ${program}
    DESTINATION ${CMAKE_INSTALL_DATADIR}/bash-completion/completions)
endforeach()

# A manual page for each program, made of its --help.
find_program(HELP2MAN help2man)
if(HELP2MAN)
  set(pages)
  foreach(program IN LISTS DNSP_PROGRAMS)
    set(page ${PROJECT_BINARY_DIR}/man/${program}.1)
    add_custom_command(OUTPUT ${page} DEPENDS ${program}
      COMMAND ${CMAKE_COMMAND} -E make_directory ${PROJECT_BINARY_DIR}/man
      COMMAND ${HELP2MAN} --no-info --output=${page} $<TARGET_FILE:${program}>)
    list(APPEND pages ${page})
  endforeach()
  add_custom_target(manual ALL DEPENDS ${pages})
  install(FILES ${pages} DESTINATION ${CMAKE_INSTALL_MANDIR}/man1)
endif()

# The library of all components, and find_package(dnsp).
if(DNSP_LIBRARY)
  file(CONFIGURE OUTPUT ${PROJECT_BINARY_DIR}/library.cpp CONTENT "")  # CMake wants a source of the target itself
  add_library(dnsp SHARED ${PROJECT_BINARY_DIR}/library.cpp)
  target_link_libraries(dnsp PRIVATE dnsp_training dnsp_classical dnsp_statistics)
  set_target_properties(dnsp PROPERTIES LINKER_LANGUAGE CXX VERSION ${PROJECT_VERSION}
    SOVERSION ${PROJECT_VERSION_MAJOR}.${PROJECT_VERSION_MINOR})
  target_include_directories(dnsp INTERFACE $<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}/dnsp>)
  target_compile_features(dnsp INTERFACE cxx_std_20)
  target_compile_definitions(dnsp INTERFACE DNSP_VERSION="${PROJECT_VERSION}" DNSP_HAS_CUDA=${has_cuda})
  target_link_libraries(dnsp INTERFACE nlohmann_json::nlohmann_json Eigen3::Eigen)
  install(TARGETS dnsp EXPORT dnspTargets RUNTIME_DEPENDENCY_SET dnsp_libraries)
  install(EXPORT dnspTargets NAMESPACE dnsp:: DESTINATION ${CMAKE_INSTALL_LIBDIR}/cmake/dnsp)
  install(DIRECTORY base kernels engine imaging layers priors models inference training statistics
    DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}/dnsp FILES_MATCHING PATTERN "*.hpp")
  include(CMakePackageConfigHelpers)
  configure_package_config_file(cmake/dnspConfig.cmake.in dnspConfig.cmake
    INSTALL_DESTINATION ${CMAKE_INSTALL_LIBDIR}/cmake/dnsp)
  write_basic_package_version_file(dnspConfigVersion.cmake COMPATIBILITY SameMinorVersion)
  install(FILES ${PROJECT_BINARY_DIR}/dnspConfig.cmake ${PROJECT_BINARY_DIR}/dnspConfigVersion.cmake
    DESTINATION ${CMAKE_INSTALL_LIBDIR}/cmake/dnsp)
endif()

# Every library except glibc's and the driver's, in a folder of their own, so that one package runs on every distribution.
if(DNSP_BUNDLE)
  install(RUNTIME_DEPENDENCY_SET dnsp_libraries DESTINATION ${CMAKE_INSTALL_LIBDIR}/dnsp
    PRE_EXCLUDE_REGEXES "^ld-linux" "^lib(c|m|dl|pthread|rt|resolv|util)\\.so" "^libcuda\\.so" "^libdnsp\\.so"
    POST_EXCLUDE_REGEXES "/lib(c|m|dl|pthread|rt|resolv|util)\\.so")
endif()

set(CPACK_PACKAGE_NAME dnsp)
set(CPACK_PACKAGE_CONTACT "The DNSP authors")
set(CPACK_PACKAGE_DESCRIPTION_SUMMARY "Super-resolution of MR brain images")
set(CPACK_PACKAGE_DESCRIPTION "Enlarges MR images and makes thick slices thin, with networks that come with it, that it trains,
 or that it trains on the scan itself.")
set(CPACK_STRIP_FILES ON)
set(CPACK_GENERATOR TGZ DEB)
set(CPACK_PACKAGE_FILE_NAME dnsp-${PROJECT_VERSION}-linux-${CMAKE_SYSTEM_PROCESSOR})
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_PACKAGE_SECTION science)
# With DNSP_BUNDLE, glibc alone is another package's.
set(CPACK_DEBIAN_PACKAGE_DEPENDS "libc6 (>= 2.36)")
set(CPACK_DEBIAN_PACKAGE_SUGGESTS "libeigen3-dev, nlohmann-json3-dev, gnuplot-nox")
include(CPack)
