# Makes files part of the program: cmake -DHEADER=x.h -DSYMBOLS="a b" -DFILES="path path" -DOUTPUT=x.c -P embed.cmake
# writes a C file in which each symbol is a proto_bytes_t of one file's bytes; a NUL that is not counted follows them.
separate_arguments(SYMBOLS)
separate_arguments(FILES)
set(text "/* Made by proto/embed.cmake. */\n#include \"${HEADER}\"\n")
foreach(symbol IN LISTS SYMBOLS)
  list(POP_FRONT FILES file)
  file(READ ${file} hex HEX)
  string(REGEX REPLACE "([0-9a-f][0-9a-f])" "0x\\1," bytes "${hex}")
  string(REGEX REPLACE "(0x..,0x..,0x..,0x..,0x..,0x..,0x..,0x..,0x..,0x..,0x..,0x..,0x..,0x..,0x..,0x..,)" "\\1\n" bytes "${bytes}")
  string(APPEND text "static const uint8_t s_${symbol}[] = {\n${bytes}0};\n"
         "const proto_bytes_t ${symbol} = {s_${symbol}, sizeof s_${symbol} - 1};\n")
endforeach()
file(WRITE ${OUTPUT} "${text}")
