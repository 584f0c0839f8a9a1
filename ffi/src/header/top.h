/*
 * AeThex Cloud: accounts, privacy, cloud saves and multiplayer for any engine.
 *
 * GENERATED from the Rust sources by cbindgen. Do not edit: change the sources and renew it.
 *
 * Ten lines
 *
 *     aethex_cloud_options options = {0};
 *     options.struct_size = sizeof options;
 *     options.server_url = aethex_string("https://cloud.example.com");
 *     options.data_dir = aethex_string("/home/ann/.local/share/my-game");
 *     aethex_cloud cloud = 0;
 *     if (aethex_cloud_create(&options, &cloud) != AETHEX_OK) return 1;
 *     aethex_auth_login(cloud, aethex_string("ann@example.com"), aethex_string("secret"),
 *                       on_login, my_game, NULL);
 *     while (running) { aethex_tick(cloud); draw_frame(); }
 *     aethex_cloud_destroy(cloud);
 *
 * How it works
 *
 * - A call checks its arguments, hands the request to the library's own thread and returns at once.
 *   Any thread may call. AETHEX_OK means "under way": then the callback runs exactly once. Any other code
 *   means "not begun": then it never runs. A null callback is allowed when the result does not matter.
 * - Callbacks run only inside aethex_tick and aethex_cloud_destroy, on the thread that calls those. So a
 *   game that ticks on its main thread needs no locks. A callback may call everything except
 *   aethex_tick and aethex_cloud_destroy of its own cloud, which answer AETHEX_ERROR_BUSY.
 *   A callback must return: no C++ exception and no longjmp may leave it.
 * - What a callback is given (texts, versions, values) is lent: it ends when the callback returns.
 *   Copy what you keep; aethex_value_copy keeps a value.
 * - Handles are 64-bit numbers and 0 is none. A freed, foreign or invented handle is
 *   AETHEX_ERROR_INVALID_HANDLE, never a crash. Handles are never reused.
 * - Texts are UTF-8 with a length. Null with a length, too long, or not UTF-8 is
 *   AETHEX_ERROR_INVALID_ARGUMENT or AETHEX_ERROR_TOO_LARGE. Null or misaligned pointers are found out too.
 *   A pointer to memory that is not yours, or a length beyond your memory, cannot be: that stays C.
 * - A struct that you fill in begins with struct_size: set everything to zero first, then struct_size to
 *   its sizeof. That is how a program built with an older or newer header keeps working. A struct that
 *   you are given begins with struct_size as well: fields beyond it do not exist in the library you run.
 * - The library uses no errno, installs no signal handler and prints nothing, unless it fails inside
 *   (AETHEX_ERROR_SDK_FAULT). After fork, only the parent may go on using it.
 */
