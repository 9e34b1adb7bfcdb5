# Writes the files of the documentation page as C arrays: cmake -DFOLDER=... -DOUTPUT=... -P embed.cmake
set(text "/* Made from gateway/gw_docs.* by gateway/embed.cmake. */\n#include \"gw_docs.h\"\n")
foreach(kind html js css)
  file(READ ${FOLDER}/gw_docs.${kind} hex HEX)
  string(REGEX REPLACE "([0-9a-f][0-9a-f])" "0x\\1," bytes "${hex}")
  string(REGEX REPLACE "(0x..,0x..,0x..,0x..,0x..,0x..,0x..,0x..,0x..,0x..,0x..,0x..,0x..,0x..,0x..,0x..,)" "\\1\n" bytes "${bytes}")
  string(APPEND text "static const uint8_t s_${kind}[] = {\n${bytes}};\n"
         "const proto_bytes_t gw_docs_${kind} = {s_${kind}, sizeof s_${kind}};\n")
endforeach()
file(WRITE ${OUTPUT} "${text}")
