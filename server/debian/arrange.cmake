# SPDX-License-Identifier: MPL-2.0
# Between installation and packing: what Debian's policy wants otherwise than other systems (sections 12.1, 12.5, 12.7).
set(share ${CPACK_TEMPORARY_INSTALL_DIRECTORY}/usr/share)
file(REMOVE ${share}/doc/muster/LICENSE)
file(COPY ${CMAKE_CURRENT_LIST_DIR}/copyright DESTINATION ${share}/doc/muster)
file(RENAME ${share}/doc/muster/CHANGELOG.md ${share}/doc/muster/changelog)
execute_process(COMMAND gzip -9n ${share}/man/man1/muster.1 ${share}/doc/muster/changelog COMMAND_ERROR_IS_FATAL ANY)
