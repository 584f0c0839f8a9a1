# AeThex Cloud for CMake.
#
#   find_package(AethexCloud REQUIRED)
#   target_link_libraries(my-game PRIVATE AethexCloud::AethexCloud)
#
# Targets: AethexCloud::shared and AethexCloud::static, those whose file is there; AethexCloud::AethexCloud is the
# shared one, or the static one when AETHEX_CLOUD_STATIC is set or there is no other.
#
# Expected layout, which a release archive has: include/aethex_cloud.h, lib/ (and bin/ on Windows),
# lib/cmake/AethexCloud/ with this file. Elsewhere, as in a source tree, set
#   AETHEX_CLOUD_INCLUDE_DIR   folder of aethex_cloud.h
#   AETHEX_CLOUD_LIBRARY_DIR   folder of the built library

cmake_minimum_required(VERSION 3.16)

get_filename_component(_aethex_prefix "${CMAKE_CURRENT_LIST_DIR}/../../.." ABSOLUTE)

find_path(AETHEX_CLOUD_INCLUDE_DIR aethex_cloud.h
    PATHS "${_aethex_prefix}/include" "${CMAKE_CURRENT_LIST_DIR}/../include" NO_DEFAULT_PATH)
set(AETHEX_CLOUD_LIBRARY_DIR "${_aethex_prefix}/lib" CACHE PATH "Folder of the AeThex Cloud library")
set(_aethex_places "${AETHEX_CLOUD_LIBRARY_DIR}" "${_aethex_prefix}/bin")

if(WIN32)
    find_file(AETHEX_CLOUD_SHARED aethex_cloud.dll PATHS ${_aethex_places} NO_DEFAULT_PATH)
    find_file(AETHEX_CLOUD_IMPORT NAMES aethex_cloud.dll.lib libaethex_cloud.dll.a PATHS ${_aethex_places} NO_DEFAULT_PATH)
    find_file(AETHEX_CLOUD_ARCHIVE NAMES aethex_cloud.lib libaethex_cloud.a PATHS ${_aethex_places} NO_DEFAULT_PATH)
    set(_aethex_system ws2_32 bcrypt ntdll userenv crypt32 secur32 advapi32)
elseif(APPLE)
    find_file(AETHEX_CLOUD_SHARED libaethex_cloud.dylib PATHS ${_aethex_places} NO_DEFAULT_PATH)
    find_file(AETHEX_CLOUD_ARCHIVE libaethex_cloud.a PATHS ${_aethex_places} NO_DEFAULT_PATH)
    set(_aethex_system "-framework Security" "-framework CoreFoundation" "-framework SystemConfiguration")
else()
    find_file(AETHEX_CLOUD_SHARED libaethex_cloud.so PATHS ${_aethex_places} NO_DEFAULT_PATH)
    find_file(AETHEX_CLOUD_ARCHIVE libaethex_cloud.a PATHS ${_aethex_places} NO_DEFAULT_PATH)
    set(_aethex_system pthread dl m)
endif()

if(AETHEX_CLOUD_SHARED AND NOT TARGET AethexCloud::shared)
    add_library(AethexCloud::shared SHARED IMPORTED)
    set_target_properties(AethexCloud::shared PROPERTIES
        IMPORTED_LOCATION "${AETHEX_CLOUD_SHARED}"
        IMPORTED_NO_SONAME TRUE
        INTERFACE_INCLUDE_DIRECTORIES "${AETHEX_CLOUD_INCLUDE_DIR}")
    if(AETHEX_CLOUD_IMPORT)
        set_target_properties(AethexCloud::shared PROPERTIES IMPORTED_IMPLIB "${AETHEX_CLOUD_IMPORT}")
    endif()
endif()
if(AETHEX_CLOUD_ARCHIVE AND NOT TARGET AethexCloud::static)
    add_library(AethexCloud::static STATIC IMPORTED)
    set_target_properties(AethexCloud::static PROPERTIES
        IMPORTED_LOCATION "${AETHEX_CLOUD_ARCHIVE}"
        INTERFACE_INCLUDE_DIRECTORIES "${AETHEX_CLOUD_INCLUDE_DIR}"
        INTERFACE_LINK_LIBRARIES "${_aethex_system}")
endif()
if(NOT TARGET AethexCloud::AethexCloud)
    if(TARGET AethexCloud::shared AND NOT (AETHEX_CLOUD_STATIC AND TARGET AethexCloud::static))
        add_library(AethexCloud::AethexCloud INTERFACE IMPORTED)
        set_target_properties(AethexCloud::AethexCloud PROPERTIES INTERFACE_LINK_LIBRARIES AethexCloud::shared)
    elseif(TARGET AethexCloud::static)
        add_library(AethexCloud::AethexCloud INTERFACE IMPORTED)
        set_target_properties(AethexCloud::AethexCloud PROPERTIES INTERFACE_LINK_LIBRARIES AethexCloud::static)
    endif()
endif()

include(FindPackageHandleStandardArgs)
if(TARGET AethexCloud::AethexCloud)
    set(_aethex_found TRUE)
endif()
find_package_handle_standard_args(AethexCloud
    REQUIRED_VARS _aethex_found AETHEX_CLOUD_INCLUDE_DIR
    VERSION_VAR AethexCloud_VERSION
    REASON_FAILURE_MESSAGE "no library in ${AETHEX_CLOUD_LIBRARY_DIR}: build it (cargo build -p aethex-ffi) or set AETHEX_CLOUD_LIBRARY_DIR")
