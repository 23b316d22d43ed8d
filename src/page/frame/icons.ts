/** Icons of the menu, imported one by one. */
import {
  IconActivityHeartbeat,
  IconBell,
  IconCalendarWeek,
  IconGauge,
  IconHandStop,
  IconHistory,
  IconLayoutDashboard,
  IconPhoneOutgoing,
  IconSettings,
  IconShieldCheck,
  IconShieldX,
  IconUsers,
  IconUsersGroup,
} from '@tabler/icons-react';
import type { ComponentType } from 'react';
import type { IconName } from './menu.ts';

export const MENU_ICONS: Readonly<Record<IconName, ComponentType<{ size?: number; stroke?: number }>>> = {
  dashboard: IconLayoutDashboard,
  approvals: IconHandStop,
  calls: IconPhoneOutgoing,
  rules: IconGauge,
  members: IconUsersGroup,
  schedules: IconCalendarWeek,
  allowed: IconShieldCheck,
  blocked: IconShieldX,
  alerts: IconBell,
  settings: IconSettings,
  users: IconUsers,
  audit: IconHistory,
  health: IconActivityHeartbeat,
};
