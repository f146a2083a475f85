/*
 * Giving up what a filter or a loader has no use for, once it has opened what it needs: so that a bug which foreign
 * bytes find can do little. Landlock (Linux 5.13) for files, seccomp (3.5) for all else; what the kernel does not
 * have is left out, and elsewhere this does nothing.
 */
#ifndef SANDBOX_H
#define SANDBOX_H

/*
 * From here on, for this process and those that it forks: no program is started, no socket made, no process but our own
 * touched, and no file opened but below dirs, of which NULL and what does not exist are none. What is open stays open.
 */
#define SANDBOX_DIRS 8
void	sandbox_enter(char *const dirs[SANDBOX_DIRS]);
/* The same, but sockets may be made and connected, and the files, and all below the directories, of a list that ends with NULL
 * be read: for who may lose a connection and needs another. */
void	sandbox_enter_connected(char *const dirs[SANDBOX_DIRS], char *const *reads);
/* The directory that the file path is, or will be, in; to be freed. NULL for NULL. */
char	*sandbox_dir(const char *path);

#endif
