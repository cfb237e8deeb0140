# dnsp_check_cuda_architectures(architectures gpus): stops if code for plain 9.0 is wanted. Convolutions in bfloat16 need
# sm_90a; compiled for sm_90 they end with an error on the device. `gpus` are the architectures of those at hand.
function(dnsp_check_cuda_architectures architectures gpus)
  set(hint "write 90a-real, for example -DCMAKE_CUDA_ARCHITECTURES=\"80-real;90a-real;90-virtual\"")
  foreach(architecture IN LISTS architectures)
    if(architecture MATCHES "^all(-major)?$" OR architecture MATCHES "^90(-real)?$")
      message(FATAL_ERROR "CMAKE_CUDA_ARCHITECTURES=${architecture} compiles for sm_90, which lacks wgmma: ${hint}")
    elseif(architecture STREQUAL "native" AND gpus MATCHES "(^|;)90(-real)?(;|$)")
      message(FATAL_ERROR "CMAKE_CUDA_ARCHITECTURES=native means sm_90 here, which lacks wgmma: ${hint}")
    elseif(architecture STREQUAL "90-virtual" AND NOT architectures MATCHES "(^|;)90a(-real)?(;|$)")
      message(FATAL_ERROR "CMAKE_CUDA_ARCHITECTURES=90-virtual gives a GPU of 9.0 code without wgmma: ${hint}")
    endif()
  endforeach()
endfunction()
