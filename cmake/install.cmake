# Installation: program, both libraries, header, pkg-config file, CMake package (find_package(quantc), targets quantc::quantc_shared and
# quantc::quantc_static).
include(CMakePackageConfigHelpers)

install(TARGETS quantc RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
install(TARGETS quantc_static quantc_shared EXPORT quantc-targets
        ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR} LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR})
install(DIRECTORY include/quantc DESTINATION ${CMAKE_INSTALL_INCLUDEDIR})
if(QUANTC_TFLITE_C)
    install(TARGETS tensorflowlite_c LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR})
    install(DIRECTORY include/tensorflow DESTINATION ${CMAKE_INSTALL_INCLUDEDIR})
endif()

set(package_dir ${CMAKE_INSTALL_LIBDIR}/cmake/quantc)
install(EXPORT quantc-targets NAMESPACE quantc:: DESTINATION ${package_dir})
configure_package_config_file(cmake/quantc-config.cmake.in ${CMAKE_BINARY_DIR}/quantc-config.cmake INSTALL_DESTINATION ${package_dir})
write_basic_package_version_file(${CMAKE_BINARY_DIR}/quantc-config-version.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${CMAKE_BINARY_DIR}/quantc-config.cmake ${CMAKE_BINARY_DIR}/quantc-config-version.cmake DESTINATION ${package_dir})

file(RELATIVE_PATH pc_prefix /${CMAKE_INSTALL_LIBDIR}/pkgconfig /) # the installed tree may be moved
configure_file(cmake/quantc.pc.in ${CMAKE_BINARY_DIR}/quantc.pc @ONLY)
install(FILES ${CMAKE_BINARY_DIR}/quantc.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)
