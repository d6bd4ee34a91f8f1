# Installation: program, libraries, headers, pkg-config files, CMake package (find_package(quantc), targets quantc::quantc_shared,
# quantc::quantc_static and, where it is built, quantc::tensorflowlite_c).
include(CMakePackageConfigHelpers)

install(TARGETS quantc RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
install(TARGETS quantc_static quantc_shared EXPORT quantc-targets
        ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR} LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR})
install(DIRECTORY include/quantc DESTINATION ${CMAKE_INSTALL_INCLUDEDIR})
if(QUANTC_TFLITE_C)
    install(TARGETS tensorflowlite_c EXPORT quantc-targets LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR})
    install(DIRECTORY include/tensorflow DESTINATION ${CMAKE_INSTALL_INCLUDEDIR})
endif()

set(package_dir ${CMAKE_INSTALL_LIBDIR}/cmake/quantc)
install(EXPORT quantc-targets NAMESPACE quantc:: DESTINATION ${package_dir})
configure_package_config_file(cmake/quantc-config.cmake.in ${CMAKE_BINARY_DIR}/quantc-config.cmake INSTALL_DESTINATION ${package_dir})
write_basic_package_version_file(${CMAKE_BINARY_DIR}/quantc-config-version.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${CMAKE_BINARY_DIR}/quantc-config.cmake ${CMAKE_BINARY_DIR}/quantc-config-version.cmake DESTINATION ${package_dir})

file(RELATIVE_PATH pc_prefix /${CMAKE_INSTALL_LIBDIR}/pkgconfig /) # the installed tree may be moved
set(pcs quantc)
if(QUANTC_TFLITE_C)
    list(APPEND pcs tensorflowlite_c)
endif()
foreach(pc ${pcs})
    configure_file(cmake/${pc}.pc.in ${CMAKE_BINARY_DIR}/${pc}.pc @ONLY)
    install(FILES ${CMAKE_BINARY_DIR}/${pc}.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)
endforeach()
