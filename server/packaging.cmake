# SPDX-License-Identifier: MPL-2.0
# A package for Debian 12: cpack -G DEB in the folder of the build. Included at the end of CMakeLists.txt.
set(MUSTER_MAINTAINER "Muster maintainers <maintainers@muster.invalid>" CACHE STRING "who answers for the package")
set(debian ${CMAKE_CURRENT_LIST_DIR}/debian)

set(CPACK_GENERATOR DEB)
set(CPACK_PACKAGE_NAME muster)
set(CPACK_PACKAGE_CONTACT "${MUSTER_MAINTAINER}")
set(CPACK_STRIP_FILES ON)
# Settings go to /etc, which is outside of the prefix.
set(CPACK_SET_DESTDIR ON)
set(CPACK_INSTALL_PREFIX /usr)
set(CPACK_INSTALL_DEFAULT_DIRECTORY_PERMISSIONS OWNER_READ OWNER_WRITE OWNER_EXECUTE GROUP_READ GROUP_EXECUTE
    WORLD_READ WORLD_EXECUTE)
set(CPACK_PRE_BUILD_SCRIPTS ${debian}/arrange.cmake)

set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_PACKAGE_SECTION httpd)
set(CPACK_DEBIAN_PACKAGE_DESCRIPTION "API server for PostgreSQL, with endpoints from SQL files
An HTTP gateway turns each request into a ZeroMQ message; a broker hands it to
one of many database actors, each with exactly one asynchronous PostgreSQL
connection; the answer is routed back. An endpoint is an annotated SQL
statement in a file, and is served over HTTP and over ZeroMQ.")
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS ON)
set(CPACK_DEBIAN_PACKAGE_DEPENDS adduser)
set(CPACK_DEBIAN_PACKAGE_RECOMMENDS ca-certificates)
set(CPACK_DEBIAN_PACKAGE_SUGGESTS postgresql)
set(CPACK_DEBIAN_PACKAGE_CONTROL_STRICT_PERMISSION ON)
set(CPACK_DEBIAN_PACKAGE_CONTROL_EXTRA ${debian}/conffiles ${debian}/postinst ${debian}/prerm ${debian}/postrm)
include(CPack)
