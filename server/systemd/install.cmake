# SPDX-License-Identifier: MPL-2.0
# Installs what a service manager needs: a unit for everything in one process, one for each part, and their settings.
# Runs at installation, because only then the prefix is certain; `build` is a folder to work in. Settings that are
# there already stay as they are.
set(etc ${CMAKE_INSTALL_PREFIX}/etc/muster)
if(CMAKE_INSTALL_PREFIX STREQUAL "/usr")
  set(etc /etc/muster) # as everywhere
endif()
set(program ${CMAKE_INSTALL_PREFIX}/bin/muster)
set(config ${etc}/muster.cfg)
set(environment ${etc}/muster.env)
# The key that tokens are signed with. Whoever installs a package makes one; see docs/security.md.
set(secret ${etc}/secret.env)

function(muster_unit unit command description order service)
  configure_file(${CMAKE_CURRENT_FUNCTION_LIST_DIR}/muster.service.in ${build}/${unit} @ONLY)
  file(INSTALL ${build}/${unit} DESTINATION ${CMAKE_INSTALL_PREFIX}/lib/systemd/system)
endfunction()

set(network "After=network-online.target")
# What conflicts is stopped first, so that socket and port are free: that takes an order, too.
set(alone "${network} muster.service")
# The socket's folder belongs to the unit that has the broker.
set(folder "RuntimeDirectory=muster\nRuntimeDirectoryMode=0700")
# The environment is one for all parts, but the database is the actors' alone.
set(no_database "UnsetEnvironment=DATABASE_URL DATABASE_URL_FILE DATABASE_REPLICA_URL DATABASE_REPLICA_URL_FILE")
set(keys "EnvironmentFile=-${secret}")
muster_unit(muster.service serve "Muster: an API server for PostgreSQL" "${network} postgresql.service\n\
Conflicts=muster-broker.service muster-gateway.service muster-actors.service" "${folder}\n${keys}")
muster_unit(muster-broker.service broker "Muster: the broker" "${alone}" "${folder}\n${no_database}")
muster_unit(muster-gateway.service gateway "Muster: HTTP gateways" "${alone} muster-broker.service" "${no_database}\n${keys}")
muster_unit(muster-actors.service actors "Muster: database actors"
  "${alone} muster-broker.service postgresql.service" "")

foreach(file muster.cfg muster.env)
  if(NOT EXISTS $ENV{DESTDIR}${etc}/${file})
    set(permissions OWNER_READ OWNER_WRITE)
    if(file STREQUAL "muster.cfg")
      list(APPEND permissions GROUP_READ WORLD_READ)
    endif()
    file(INSTALL ${CMAKE_CURRENT_LIST_DIR}/${file} DESTINATION ${etc} PERMISSIONS ${permissions})
  endif()
endforeach()
