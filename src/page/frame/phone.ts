/** Whether the screen is one of a phone: below 768 px the layout is another one. */
import { useMediaQuery } from '@mantine/hooks';

const PHONE = '(max-width: 47.99em)';

export const usePhone = (): boolean => useMediaQuery(PHONE, matchMedia(PHONE).matches) ?? false;
