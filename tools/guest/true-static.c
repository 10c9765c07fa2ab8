// SPDX-License-Identifier: GPL-2.0
/* The small process of "mmwork loop": a program that does nothing. */
int main(void)
{
	return 0;
}
