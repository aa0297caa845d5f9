/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * commands.h - one function a command. argv[0] is the command's name; each returns
 * the exit status: 0, 1 for a failure, 2 (EXIT_USAGE) for a wrong call.
 */
#ifndef CMD_COMMANDS_H
#define CMD_COMMANDS_H

int command_agent(int argc, char **argv);
int command_decap(int argc, char **argv);
int command_detach(int argc, char **argv);
int command_drain(int argc, char **argv);
int command_dump(int argc, char **argv);
int command_get(int argc, char **argv);
int command_status(int argc, char **argv);
int command_validate(int argc, char **argv);

#endif
